"""One meter for all code: an endpoint of OpenAI's shape on loopback, behind which a call goes a cell's way.

Whoever has the key of its run asks Ask Sage through it: priced, held, sent, settled and listed by the same
`session` and ledger. The Ask Sage key itself never leaves the process.
"""

from .endpoint import Endpoint
from .here import here, start_here, stop_here

__all__ = ["Endpoint", "here", "start_here", "stop_here"]
