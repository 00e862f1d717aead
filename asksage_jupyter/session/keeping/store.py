"""Where the store of replies lies, and what of it the ledger does not know yet."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import LedgerConflict
from ...ledger.stores.place import place_of
from .file import StoreUnusable
from .replies import Replies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..session import Session
    from .found import Found

_DAY = 86_400 * 1_000_000


_unkept: dict[Path, list[tuple[Any, ...]]] = {}  # what `Replies.keep` takes, of a disk that was full


def open_replies(session: Session) -> Replies:
    """The store beside the session's ledger, without what is too old; the caller closes it.

    Replies that this kernel could not keep before are kept now.
    """
    path = _place(session)
    days = session.settings.keep_replies_days
    replies = Replies(path, session.clock, has_texts=days > 0)
    try:
        replies.let_go(before=session.clock() - days * _DAY)
    except BaseException:
        replies.close()
        raise
    waiting = _unkept.get(path, [])
    with suppress(StoreUnusable):
        while waiting:
            replies.keep(*waiting[-1])
            waiting.pop()
    return replies


def keep_later(session: Session, *kept: Any) -> None:
    """Remember what `Replies.keep` could not write, until the store is opened the next time."""
    _unkept.setdefault(_place(session), []).append(kept)


def _place(session: Session) -> Path:
    return place_of(session.settings.ledger).outbox.with_suffix(".replies")


def is_kept(session: Session, key: bytes) -> bool:
    """Whether a reply of that key would be shown again; no store is made to tell."""
    if not _place(session).exists():
        return False
    with closing(open_replies(session)) as replies:
        found = replies.find([key]).get(key)
    return found is not None and found.text is not None


def settle_found(session: Session, replies: Replies, found: Mapping[bytes, Found]) -> None:
    """Book the bills of replies that a kernel kept and died before it booked them; which converges."""
    for key, there in found.items():
        if there.is_booked or there.bill is None:
            continue  # a bill that was not told is for the service's log to tell
        with suppress(LedgerConflict):  # the log was first, with figures of its own
            session.ledger.settle(there.op, there.bill)
        replies.note_booked(key)
