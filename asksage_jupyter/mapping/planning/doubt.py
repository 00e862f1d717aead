"""What a run before left: replies whose bill is not booked, and keys that were claimed and not answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...ledger import Fate
from ...session.keeping.store import settle_found
from ..outcome import How, Outcome, RowStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...session.keeping.found import Found
    from ...session.keeping.replies import Replies
    from .job import Job
    from .sheet import Task

BILLED_LOST = "its reply was lost and is billed; resend_unknown=True asks again and pays again"
TEXTLESS = (
    "it was answered and billed, and no text was kept (AskSage.keep_replies_days = 0); fresh=True asks again"
)
IN_DOUBT = "it may be billed: %asksage reconcile finds out; resend_unknown=True asks again, and may pay twice"


@dataclass(slots=True)
class Before:
    """What is known of a sheet's prompts before anything is sent.

    Attributes
    ----------
    outcomes : dict of bytes to Outcome
        By key: what was answered before, and what is in doubt.
    missing : list of Task
        What is to be sent.
    claimed : list of Task
        What another run, that is alive, has.
    """

    outcomes: dict[bytes, Outcome] = field(default_factory=dict)
    missing: list[Task] = field(default_factory=list)
    claimed: list[Task] = field(default_factory=list)


def look(job: Job, replies: Replies, tasks: Sequence[Task]) -> Before:
    """What the store and the ledger tell of these prompts; nothing of it is sent.

    Replies that came without their bill being booked are booked now, which converges. A claim of a run that
    is dead is given back where its tokens were never held, or are free again: nothing was sent.
    """
    found, dead = _found(replies, [task.key for task in tasks])
    before = Before()
    orphaned: list[tuple[Task, Found]] = []
    unbooked: dict[bytes, Found] = {}
    for task in tasks:
        there = found.get(task.key)
        if there is None:
            before.missing.append(task)
        elif there.is_kept:
            if not there.is_booked:
                unbooked[task.key] = there
            _take(job, task, there, before)
        elif there.owner in dead:
            orphaned.append((task, there))
        else:
            before.claimed.append(task)
    settle_found(job.session, replies, unbooked)
    _judge(job, replies, orphaned, before)
    return before


def _found(replies: Replies, keys: Sequence[bytes]) -> tuple[dict[bytes, Found], set[str]]:
    """What the store has of these keys, and the runs among their owners that are dead."""
    found = replies.find(keys)
    owners = {there.owner for there in found.values() if not there.is_kept}
    dead = {owner for owner in owners if not replies.is_alive(owner)}
    if dead:
        # Read once more: between the reading and its end a run may have kept or released what it had.
        theirs = [key for key, there in found.items() if not there.is_kept and there.owner in dead]
        gone, again = {*theirs}, replies.find(theirs)
        found = {key: there for key, there in found.items() if key not in gone} | again
    return found, dead


def _take(job: Job, task: Task, there: Found, before: Before) -> None:
    """A reply that came: shown again, or asked anew where that is wanted or its text was taken away."""
    if there.is_textless and not (job.terms.fresh or job.terms.resend_unknown):
        before.outcomes[task.key] = Outcome(RowStatus.UNKNOWN, reason=TEXTLESS, op=there.op)
    elif job.terms.fresh or there.text is None:
        before.missing.append(task)
    else:
        before.outcomes[task.key] = _kept(there)


def _kept(there: Found) -> Outcome:
    cost = there.bill.tokens if there.bill else 0
    return Outcome(
        RowStatus.OK,
        How.REPLAYED,
        text=there.text,
        model=there.model,
        before=cost,
        op=there.op,
        at=there.at,
        input_tokens=there.bill.input_tokens if there.bill else None,
        output_tokens=there.bill.output_tokens if there.bill else None,
    )


def _judge(job: Job, replies: Replies, orphaned: Sequence[tuple[Task, Found]], before: Before) -> None:
    """Claims of dead runs: in doubt where tokens are held or were billed, else free."""
    if not orphaned:
        return
    fates = job.session.ledger.fates([there.op for _, there in orphaned])
    for task, there in orphaned:
        fate = fates.get(there.op)
        if fate in (None, Fate.VOIDED) or job.terms.resend_unknown:
            replies.release(task.key, there.op)
            before.missing.append(task)
        else:
            reason = BILLED_LOST if fate is Fate.SETTLED else IN_DOUBT
            before.outcomes[task.key] = Outcome(RowStatus.UNKNOWN, reason=reason, op=there.op)
