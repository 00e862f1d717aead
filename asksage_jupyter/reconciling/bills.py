"""Settle from the service's log the calls whose bill never arrived, with or without their reply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..account import Bill, Source, Status
from ..errors import LedgerConflict
from .matching import Matches, match
from .report import Settled, StillOpen
from .rows import REACH, SKEW
from .sent import ROW, Sent, settled_call

if TYPE_CHECKING:
    from ..ledger import Unsettled
    from ..ledger.stores.arrived import Arrived
    from ..service import LogRow
    from .log import Log
    from .parties import Parties

_AROUND = REACH + SKEW
_SERVED = 90 * 86_400_000_000  # a model is served as another for so long at least


def settle_from_log(parties: Parties, log: Log) -> tuple[Matches, list[Settled]]:
    """Settle what the log tells beyond doubt; a call that may still run is left to settle itself."""
    calls = [(meter, call) for meter, call in parties.unsettled() if not parties.is_old(call)]
    if not calls:
        return Matches({}, {}), []
    sent = [call.sent_at for _, call in calls]
    rows = log.since(min(sent) - _AROUND)
    served = parties.ledger.served_as(parties.account, since=min(call.sent_at for _, call in calls) - _SERVED)
    wanted = [
        Sent(
            call.op, call.sent_at, meter, call.model, call.estimate, also=served.get(call.model, frozenset())
        )
        for meter, call in calls
    ]
    matches = match([*wanted, *_known(parties, min(sent), max(sent), {call.op for call in wanted})], rows)
    settled = []
    for meter, call in calls:
        row = matches.rows.get(call.op)
        if row is not None and not parties.may_run(call) and _settle(parties, call, row):
            settled.append(
                Settled(call.op, meter, call.model, call.sent_at, call.tokens, row.tokens, call.presumed)
            )
    return matches, settled


def void_unbilled(parties: Parties, log: Log, matches: Matches) -> list[Settled]:
    """Give back what was presumed of calls for which a log that lacks nothing shows no bill at all."""
    voided = []
    for meter, call in parties.unsettled():
        is_past = call.sent_at + _AROUND < parties.clock()
        if not call.presumed or parties.is_old(call) or not is_past or matches.candidates.get(call.op, True):
            continue
        if log.reaches(call.sent_at - _AROUND) and _void(parties, call):
            voided.append(Settled(call.op, meter, call.model, call.sent_at, call.tokens, 0, True))
    return voided


def still_open(parties: Parties, log: Log, matches: Matches) -> list[StillOpen]:
    """The calls that are left without a bill, each with the reason."""
    return [
        StillOpen(
            op=call.op,
            meter=meter,
            model=call.model,
            sent_at=call.sent_at,
            tokens=call.tokens,
            presumed=call.presumed,
            why=_why(parties, log, matches, call),
        )
        for meter, call in parties.unsettled()
    ]


def _known(parties: Parties, oldest: int, newest: int, wanted: set[str]) -> list[Sent]:
    """The settled calls of that time, which have rows of their own in the log."""
    from ..ledger import CALL_COLUMNS

    listed = parties.ledger.calls(parties.account, since=oldest - 2 * _AROUND, until=newest + 2 * _AROUND)
    rows = (dict(zip(CALL_COLUMNS, row, strict=True)) for row in listed)
    return [settled_call(row) for row in rows if row["op"] not in wanted]


def _settle(parties: Parties, call: Unsettled, row: LogRow) -> bool:
    """Debit the row's figures; False when the call was settled meanwhile, by its own kernel."""
    arrived = _arrived(parties)
    bill = Bill(
        tokens=row.tokens,
        source=Source.LOG,
        status=Status.OK if call.op in arrived else Status.LOST,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        request_id=f"{ROW}{row.id}",
        model=None if row.teach or row.model == call.model else row.model,
    )
    try:
        parties.ledger.settle(call.op, bill)
    except LedgerConflict:
        return False
    arrived.remove(call.op)
    return True


def _void(parties: Parties, call: Unsettled) -> bool:
    try:
        parties.ledger.void(call.op)
    except LedgerConflict:
        return False
    _arrived(parties).remove(call.op)
    return True


def _arrived(parties: Parties) -> Arrived:
    from ..ledger.stores.arrived import Arrived

    return Arrived(parties.ledger.outbox)


def _why(parties: Parties, log: Log, matches: Matches, call: Unsettled) -> str:
    if parties.may_run(call):
        return "it may still be running"
    if not log.is_told:
        return "this tenant tells no log of bills"
    if rows := matches.candidates.get(call.op):
        return f"its bill cannot be told from others in the log ({len(rows)} possible)"
    return "the log shows no bill for it"


def possible(parties: Parties, call: Unsettled, matches: Matches) -> int:
    """The most that a call can have cost beyond what the ledger counts as used for it.

    Of a call that may still run, that is the largest bill that may be its own, for it is about to settle
    itself; of an open one besides, what it holds; of a presumed one nothing: it counts as used already.
    """
    if call.presumed:
        return 0
    if not parties.may_run(call):
        return call.tokens
    rows = [matches.rows[call.op]] if call.op in matches.rows else matches.candidates.get(call.op, ())
    return max([call.tokens, *(row.tokens for row in rows)])
