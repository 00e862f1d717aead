"""Where the store of replies lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .replies import Replies

if TYPE_CHECKING:
    from ..session import Session

_DAY = 86_400 * 1_000_000


def open_replies(session: Session) -> Replies:
    """The store beside the session's ledger, without what is too old; the caller closes it."""
    replies = Replies(session.ledger.outbox.with_suffix(".replies"), session.clock)
    replies.let_go(before=session.clock() - session.settings.keep_replies_days * _DAY)
    return replies
