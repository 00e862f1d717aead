"""Where the store of replies lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .replies import Replies

if TYPE_CHECKING:
    from ..session import Session


def open_replies(session: Session) -> Replies:
    """The store beside the session's ledger, for this person alone; the caller closes it."""
    return Replies(session.ledger.outbox.with_suffix(".replies"), session.clock)
