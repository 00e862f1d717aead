"""Replies of single prompts, kept on this machine and shown again for nothing, where the person wants it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from ... import month
from ...account import Source
from ...display.notices import warn
from ...errors import BadInput
from .. import given
from ..exchanges import Exchange
from ..keeping.file import StoreUnusable
from ..keeping.keys import keyed
from ..keeping.store import is_kept, open_replies, settle_found
from .reply import Reply, unpriced

if TYPE_CHECKING:
    from ...account import Account, Bill
    from ...service import Answer, Query
    from ..session import Session


class Replay:
    """Finds and keeps the replies of prompts that are sent one by one.

    No key is claimed, as a map claims them: who runs a cell again wants it answered.

    Parameters
    ----------
    session : Session
    fresh : bool
        Whether to ask again what is kept; the new reply takes its place.
    """

    def __init__(self, session: Session, *, fresh: bool = False) -> None:
        self._session, self._fresh = session, fresh

    def find(self, query: Query) -> Reply | None:
        """The reply to the same query, asked before; None where none is kept.

        Raises
        ------
        StoreUnusable
            The store cannot be read; nothing is sent.
        """
        session = self._session
        if self._fresh or not can_replay(query):
            return None
        # Of the model by its id, where an alias is asked.
        model = session.prepared(lambda: session.pricing.rate(query.model)).model
        key = keyed(replace(query, model=model), session.account)(query.prompt)
        with closing(open_replies(session)) as replies:
            found = replies.find([key]).get(key)
            if found is None or found.text is None:
                return None
            settle_found(session, replies, {key: found})
            replies.count_saved([key])
        session.exchanges.add(Exchange(query.prompt, found.text, query.model))
        return Reply(
            text=found.text,
            model=found.model or query.model,
            estimate=unpriced(query.model),
            op=found.op,
            tokens=0,
            source=Source.BILLED,
            replayed=month.moment(found.at, session.account.zone),
            before=found.bill.tokens if found.bill else None,
            is_demo=session.account.is_demo,
        )

    def would_find(self, query: Query, account: Account) -> bool:
        """Whether a reply is kept, of a query of a model by its id; nothing is asked, made or counted.

        Raises
        ------
        StoreUnusable
        BadInput
            The query's file cannot be read.
        """
        if self._fresh or not can_replay(query):
            return False
        return is_kept(self._session, keyed(query, account)(query.prompt))

    def keep(self, query: Query, op: str, answer: Answer, bill: Bill | None) -> None:
        """Put a reply on the disk, before its bill is booked."""
        if not can_replay(query):
            return
        key = keyed(query, self._session.account)(query.prompt)
        try:
            with closing(open_replies(self._session)) as replies:
                replies.add(key, op, answer.text, answer.model or query.model, bill)
        except StoreUnusable as error:
            warn(f"the reply cannot be shown again: {error}", stacklevel=3)


def can_replay(query: Query) -> bool:
    """Whether the same query has the same answer tomorrow: what looks things up elsewhere has not."""
    return not query.live and query.dataset == "none"


def wanted(session: Session, query: Query, replay: bool | None, *, fresh: bool) -> Replay | None:
    """What replays a query, where that is wanted: by the caller, else by the setting.

    Raises
    ------
    BadInput
        The caller wants it of a query that is never replayed.
    """
    replay = None if replay is None else given.yes(replay, "replay")
    if replay and not can_replay(query):
        raise BadInput("a reply from a dataset or the web is never replayed: leave --replay out")
    is_wanted = session.settings.replay if replay is None else replay
    return Replay(session, fresh=fresh) if is_wanted else None
