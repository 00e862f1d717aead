"""The calls that this kernel or another made before: which is meant, and what its cell cost."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ...account import Meter, Source
from ...account.records import OPEN
from ...display.plain import many
from ...errors import AskSageError, BadInput
from ..origins import origin
from ..origins.labels import cell_label
from ..origins.renames import calls_of
from .shortage import cheaper
from .why import Cause, Why, is_worth_a_word, unusual

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...account import Call
    from ..session import Session
    from .reply import Reply

_LOOKED_AT = 500  # of the newest calls


def explained(session: Session, which: str = "") -> Why:
    """Why a call cost what it did, and what it would have cost on the cheapest model.

    Parameters
    ----------
    which : str
        Empty for the newest; ``"2"`` for the one before it; or a cell, by what it is called, like
        ``"Cell 5"``, or by its id: of which the newest. Of this notebook, where the front end tells it.

    Raises
    ------
    BadInput
        There is no such call.
    LedgerError
        The ledger cannot be read.
    """
    row = _chosen(_calls(session, origin.notebook(session.ledger.folder)), which, partial(_label, session))
    if (reply := session.replies.get(row["op"])) is None:
        found = _of_row(session, row)
    else:
        reply = _as_booked(reply, row)
        tokens = reply.estimate.expected if reply.tokens is None else reply.tokens
        found = replace(reply.why, cheaper=cheaper(session, reply.estimate, tokens))
    return replace(found, cell=_label(session, row))


def _as_booked(reply: Reply, row: dict[str, Any]) -> Reply:
    """The reply with its bill as the ledger has it by now, which may have come later, or been corrected."""
    if row["status"] == OPEN:
        return reply
    told = {name: row[name] for name in ("input_tokens", "output_tokens") if row[name] is not None}
    return replace(reply, tokens=row["tokens"], source=Source(row["source"]), **told)


def _label(session: Session, row: dict[str, Any]) -> str:
    """What a call's cell is called; empty where none is told."""
    return cell_label(session.ledger.folder, row["notebook"], row["cell"]) if row["cell"] else ""


def remember(session: Session, reply: Reply) -> None:
    """Keep a reply to be explained, without its text, as long as it may be among those looked at."""
    session.replies[reply.op] = replace(reply, text="")
    while len(session.replies) > _LOOKED_AT:
        del session.replies[next(iter(session.replies))]


def remark(session: Session, call: Call, reply: Reply) -> str | None:
    """A word on a reply that cost far more than its cell's calls do; None for the others."""
    if call.cell is None or reply.tokens is None or not is_worth_a_word(reply.tokens):
        return None
    before = [
        row["tokens"]
        for row in _calls(session, call.notebook)
        if row["cell"] == call.cell
        and (call.notebook is not None or row["notebook"] is None)
        and row["op"] != call.op
        and row["status"] != OPEN
    ]
    return unusual(reply.why, before)


def _calls(session: Session, notebook: str | None) -> list[dict[str, Any]]:
    """The newest inference calls of a notebook, by any name that it had, or of all; newest first."""
    from ...ledger import CALL_COLUMNS

    folder, until = session.ledger.folder, session.clock() + 1
    is_its_own = calls_of(folder, notebook, until) if notebook is not None else lambda *call: True
    rows = [
        dict(zip(CALL_COLUMNS, row, strict=True))
        for row in session.ledger.recent(session.account, limit=_LOOKED_AT)
    ]
    return [
        row for row in rows if row["meter"] == Meter.INFERENCE and is_its_own(row["notebook"], row["sent_at"])
    ]


def _chosen(rows: list[dict[str, Any]], which: str, label: Callable[[dict[str, Any]], str]) -> dict[str, Any]:
    if not rows:
        raise BadInput("there is no call yet to explain: ask a model first")
    place = int(which or 1) if not which or (which.isascii() and which.isdigit()) else 0
    if 0 < place <= len(rows):  # before the cells: an id may begin with any digit
        return rows[place - 1]
    of_cell = [row for row in rows if which and (row["cell"] or "").startswith(which)]
    if of_cell:
        return of_cell[0]
    named = (row for row in rows if f"{label(row)} ".lower().startswith(f"{which.lower()} "))
    if which.lower().startswith("cell ") and (row := next(named, None)):
        return row
    if not place:
        raise BadInput(f"no call of a cell {which!r}: 1 is the last call, 2 the one before it")
    raise BadInput(f"there are {many(len(rows), 'call')} to explain, not {place:,}: 1 is the last")


def _of_row(session: Session, row: dict[str, Any]) -> Why:
    """What the ledger alone knows of a call: what was read and written, at the rates of now."""
    model, tokens = row["model"], row["tokens"]
    if row["status"] == OPEN:
        return Why(model, None, None, (Cause("held", None, tokens, is_measured=False),))
    causes, other = [], None
    with suppress(AskSageError):  # without rates there is nothing to divide by
        rate = session.pricing.rate(model)
        if row["input_tokens"] is not None:
            estimate = session.pricing.estimate(model, {"prompt": row["input_tokens"]})
            other = cheaper(session, estimate, tokens)
        for name, counted, price in (
            ("what was sent", row["input_tokens"], rate.prompt),
            ("reply", row["output_tokens"], rate.completion),
        ):
            if counted is not None:
                causes.append(Cause(name, counted, counted * price, is_measured=True))
    rest = tokens - sum(cause.tokens for cause in causes)
    name = "each call and rounding" if causes else "all of it"
    causes.append(Cause(name, None, rest, is_measured=False))
    return Why(model, tokens, Source(row["source"]), tuple(causes), cheaper=other)
