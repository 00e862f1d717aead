"""Count x model -> price: what a call will cost, in Ask Sage tokens, before it is sent.

Knows no database and opens no connection: a `Pricer`, which the service is, does the talking.
"""

from .book import Rates
from .estimate import Estimate, Part
from .files import RECORDED, first_guess
from .pricing import Pricer, Rate
from .rule import Cached, billed

__all__ = ["RECORDED", "Cached", "Estimate", "Part", "Pricer", "Rate", "Rates", "billed", "first_guess"]
