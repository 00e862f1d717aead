"""Text -> count: exact model tokens, offline from the first call.

A count is not a debit: the service adds a persona, history and references, and each model has its own
tokenizer and rate. `asksage_jupyter.rates` turns these counts into Ask Sage tokens.
"""

from .counting import count, count_each, count_file
from .encodings import ENCODINGS
from .kinds import file_kind, kind_of

__all__ = ["ENCODINGS", "count", "count_each", "count_file", "file_kind", "kind_of"]
