"""What can go wrong, as a tree.

::

    AskSageError                 one line in a notebook; figures as attributes
    ├── BadInput                 an option, value or file of the person's that cannot be used
    │   └── NoSuchModel          a model that the tenant does not offer
    ├── ConfigurationError       a setting or credential is missing or unsafe
    │   └── NoKey                neither a key nor the local demo
    ├── NotEnoughTokens          the meter cannot pay; nothing was sent
    ├── OverLimit                the person's own --max-tokens; nothing was sent
    │   ├── OverEnvelope         less is left of an envelope; nothing was sent
    │   └── NeedsConfirmation    above AskSage.confirm_above, and nobody said yes; nothing was sent
    ├── ServiceError             Ask Sage, or the way to it, failed
    │   ├── Refused              certain: nothing was billed, the hold is voided
    │   │   ├── BadKey           the key or the JWT is not accepted
    │   │   ├── OutOfTokens      Ask Sage itself says that the tokens are used up
    │   │   ├── Unavailable      overloaded or rate-limited: try again later
    │   │   │   └── NotReached   no Ask Sage answered at all: the way there failed
    │   │   └── NoRoute          this tenant does not have the route
    │   └── ReplyLost            it may have been billed: the hold stays open
    ├── Interrupted              the person stopped it: the hold stays open
    ├── JobStopped               a map ended before its end; what was answered is in its result
    └── LedgerError
        ├── LedgerConflict       the same op with other figures
        ├── LedgerMissing        there is none yet, and who asked only reads
        ├── LedgerTooNew         written by a newer version
        └── LedgerUnusable       no right to write, disk full, network file system, damaged
            └── LedgerRefused    the database refuses this entry and takes others
"""

from __future__ import annotations

from .base import AskSageError, BadInput, ConfigurationError, NoKey, NoSuchModel
from .ledger import LedgerConflict, LedgerError, LedgerMissing, LedgerRefused, LedgerTooNew, LedgerUnusable
from .service import BadKey, NoRoute, NotReached, OutOfTokens, Refused, ReplyLost, ServiceError, Unavailable
from .stopped import Interrupted, JobStopped
from .unsent import NeedsConfirmation, NotEnoughTokens, OverEnvelope, OverLimit

__all__ = [
    "AskSageError",
    "BadInput",
    "BadKey",
    "ConfigurationError",
    "Interrupted",
    "JobStopped",
    "LedgerConflict",
    "LedgerError",
    "LedgerMissing",
    "LedgerRefused",
    "LedgerTooNew",
    "LedgerUnusable",
    "NeedsConfirmation",
    "NoKey",
    "NoRoute",
    "NoSuchModel",
    "NotEnoughTokens",
    "NotReached",
    "OutOfTokens",
    "OverEnvelope",
    "OverLimit",
    "Refused",
    "ReplyLost",
    "ServiceError",
    "Unavailable",
]
