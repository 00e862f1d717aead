"""The ledger could not do what was asked."""

from __future__ import annotations

from .base import AskSageError


class LedgerError(AskSageError):
    """The ledger could not do what was asked; its state is unchanged."""


class LedgerConflict(LedgerError):
    """The same op came again with other figures."""


class LedgerMissing(LedgerError):
    """There is no ledger yet, and what only reads makes none."""


class LedgerTooNew(LedgerError):
    """The ledger was written by a newer version of this package."""


class LedgerUnusable(LedgerError):
    """The ledger cannot be opened, written or trusted."""


class LedgerRefused(LedgerUnusable):
    """The database itself refuses this one entry, for good: by a key, a check or a rule of its owner's."""
