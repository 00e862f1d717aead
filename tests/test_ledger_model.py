"""Any order of moves, under a clock that jumps both ways, against a model in plain dictionaries.

One person spends their own tokens, and two a pool's, each up to a cap: all of them may be late at once.
Ledgers are closed and opened anew in between, connections to a server are cut, and processes are killed
within a move, which another then repeats.
"""

import signal
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from ledger_desk import (
    DAY,
    HOUR,
    INFERENCE,
    ME,
    PROCESSES,
    Clock,
    a_bill,
    a_call,
    at,
    die_midway,
    figures,
)
from patience import WAIT_S

from asksage_jupyter.account import Account, Source
from asksage_jupyter.errors import LedgerConflict, LedgerError, NotEnoughTokens
from asksage_jupyter.ledger import CALL_COLUMNS, Ledger, new_op
from asksage_jupyter.month import bounds, period_at

pytestmark = pytest.mark.long

pytest_plugins = ["postgres_server"]

AMOUNTS = st.integers(0, 60)
LAB = Account.of_pool(ME.host, "lab")
CAPS = {Account(ME.host, "ana@example"): 150, Account(ME.host, "ben@example"): 90}
PEOPLE = st.sampled_from([ME, *CAPS])


@dataclass
class Pot:
    """One grant of the model."""

    starts: int
    ends: int
    granted: int
    used: int = 0
    held: int = 0
    t: int = 0

    @property
    def room(self) -> int:
        return self.granted - self.used - self.held


@dataclass
class Asked:
    """One call of the model: who holds how much of it, and what each was charged."""

    estimate: int
    due: int
    held: list[tuple[Pot, int]]
    held_at: int
    charged: list[tuple[Pot, int]] = field(default_factory=list)
    state: str = "held"
    tokens: int | None = None

    def charge(self, tokens: int, t: int, candidates: list[Pot]) -> None:
        for pot, share in self.held:
            pot.held -= share if self.state == "held" else 0
            pot.t = max(pot.t, t)
        for pot, share in self.charged:
            pot.used -= share
        self.charged = []
        for pot, share in self.held:
            part = min(share, tokens)
            self._take(pot, part)
            tokens -= part
        for pot in candidates:
            part = min(max(pot.room, 0), tokens)
            self._take(pot, part)
            pot.t = max(pot.t, t if part else 0)
            tokens -= part
        self._take(self.held[-1][0], tokens)

    def _take(self, pot: Pot, tokens: int) -> None:
        pot.used += tokens
        self.charged.append((pot, tokens))


@dataclass
class Purse:
    """What one account of the model spends from: its months' allotments and its top-ups."""

    clock: Clock
    monthly: int
    months: dict[str, Pot] = field(default_factory=dict)
    tops: list[Pot] = field(default_factory=list)
    corrected: int = 0

    def now(self) -> int:
        """The clock, but never before an entry of a grant that is not over."""
        pots = [*self.months.values(), *self.tops]
        return max([self.clock.t, *(pot.t for pot in pots if pot.ends > self.clock.t)])

    def allotment(self, now: int) -> Pot:
        period = period_at(now)
        return self.months.setdefault(period, Pot(*bounds(period), self.monthly, t=now))

    def live(self, t: int) -> list[Pot]:
        pots = [*self.months.values(), *self.tops]
        return sorted((pot for pot in pots if pot.starts <= t < pot.ends), key=lambda pot: pot.ends)

    def room(self, t: int) -> int:
        return sum(pot.room for pot in self.live(t))

    def used(self, t: int) -> int:
        return sum(pot.used for pot in self.live(t))

    def hold(self, tokens: int, now: int) -> list[tuple[Pot, int]]:
        shares = []
        for pot in self.live(now):
            share = min(tokens, max(pot.room, 0))
            if share:
                pot.held += share
                pot.t = now
                shares.append((pot, share))
                tokens -= share
        return shares

    def correct(self, tokens: int, now: int) -> None:
        live = self.live(now)
        for pot in live if tokens > 0 else reversed(live):
            part = min(max(pot.room, 0), tokens) if tokens > 0 else -min(max(pot.used, 0), -tokens)
            pot.used += part
            pot.t = now if part else pot.t
            tokens -= part
        live[0].used += tokens
        live[0].t = now if tokens else live[0].t

    def figures(self, now: int) -> tuple[int, int, int]:
        live = self.live(now)
        unborn = 0 if period_at(now) in self.months else self.monthly
        return sum(p.granted for p in live) + unborn, sum(p.used for p in live), sum(p.held for p in live)


class LedgerAgainstModel(RuleBasedStateMachine):
    ops = Bundle("ops")

    def __init__(self, where=None, cut=lambda: None):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.killed = 0
        self.where, self.cut = where or Path(self.folder.name, "ledger.sqlite"), cut

    @initialize(monthly=st.integers(0, 300), used=st.integers(0, 50), pooled=st.integers(0, 300))
    def open(self, monthly, used, pooled):
        self.clock = Clock(at(2026, 10, 30))
        self.ledger = Ledger(self.where, clock=self.clock)
        self.purses = {ME: Purse(self.clock, monthly), LAB: Purse(self.clock, pooled)}
        self.calls = {}
        assert self.ledger.open_month(ME, INFERENCE, monthly, used=used, source="model")
        self.purses[ME].allotment(self.clock.t).used = used
        self.ledger.set_plan(LAB, INFERENCE, pooled, source="model")
        self.purses[LAB].allotment(self.clock.t)
        for person, cap in CAPS.items():
            self.ledger.join_pool(person, INFERENCE, LAB, cap)
            self.purses[person] = Purse(self.clock, cap)

    def payers(self, person) -> list[Purse]:
        """Whose grants pay: the person's own first."""
        return [self.purses[person], *([self.purses[LAB]] if person in CAPS else [])]

    def now(self, person) -> int:
        return max(purse.now() for purse in self.payers(person))

    def charge(self, op, tokens: int) -> None:
        for purse, asked in self.calls[op]:
            asked.charge(tokens, self.clock.t, purse.live(asked.held_at))

    def close_calls(self, op, state, tokens):
        for _, asked in self.calls[op]:
            asked.state, asked.tokens = state, tokens

    @rule(target=ops, person=PEOPLE, estimate=AMOUNTS, due_in=st.integers(1, 48))
    def hold(self, person, estimate, due_in):
        call = a_call(estimate, self.clock)
        return call.op if self.go_on(person, call, self.clock.t + due_in * HOUR) else multiple()

    def go_on(self, person, call, due) -> bool:
        payers, now, needed = self.payers(person), self.now(person), max(1, call.estimate)
        begun = [dict(purse.months) for purse in payers]
        for purse in payers:
            purse.allotment(now)
        short = next((purse for purse in reversed(payers) if needed > purse.room(now)), None)
        if short is not None:
            with pytest.raises(NotEnoughTokens) as refused:
                self.ledger.hold(person, call, due=due)
            assert refused.value.remaining == short.room(now)
            for purse, months in zip(payers, begun, strict=True):
                purse.months = months
            return False
        self.ledger.hold(person, call, due=due)
        self.ledger.hold(person, call, due=due)
        self.calls[call.op] = [
            (purse, Asked(call.estimate, due, purse.hold(needed, now), now)) for purse in payers
        ]
        return True

    @precondition(lambda self: self.killed < 2 and hasattr(signal, "SIGKILL"))
    @rule(
        target=ops,
        person=PEOPLE,
        estimate=AMOUNTS,
        tokens=AMOUNTS,
        before=st.integers(0, 400),
        due_in=st.integers(1, 48),
    )
    def another_is_killed(self, person, estimate, tokens, before, due_in):
        """With kill -9, within its hold or its settling; what it began is gone on with here."""
        self.killed += 1
        self.presume("all")
        call, due = a_call(estimate, self.clock), self.clock.t + due_in * HOUR
        other = PROCESSES.Process(
            target=die_midway, args=(self.where, self.clock.t, person, call, due, tokens, before)
        )
        other.start()
        other.join(WAIT_S)
        assert other.exitcode in (0, -signal.SIGKILL)
        if not self.go_on(person, call, due):
            return multiple()
        self.settle(call.op, tokens)
        return call.op

    @rule(op=ops, tokens=AMOUNTS)
    def settle(self, op, tokens):
        asked = self.calls[op][0][1]
        if asked.state == "settled" and asked.tokens != tokens:
            with pytest.raises(LedgerConflict):
                self.ledger.settle(op, a_bill(tokens))
            return
        self.ledger.settle(op, a_bill(tokens))
        self.ledger.settle(op, a_bill(tokens))
        if asked.state != "settled":
            self.charge(op, tokens)
            self.close_calls(op, "settled", tokens)

    @rule(op=ops)
    def void(self, op):
        asked = self.calls[op][0][1]
        if asked.state == "settled" and asked.tokens:
            with pytest.raises(LedgerConflict):
                self.ledger.void(op)
            return
        self.ledger.void(op)
        if asked.state != "settled":
            self.charge(op, 0)
            self.close_calls(op, "settled", None)

    @rule(how=st.sampled_from(["all", "reopen", "killed", ME, *CAPS]))
    def presume(self, how):
        late = [
            op
            for op, ((purse, asked), *_) in self.calls.items()
            if asked.state == "held" and asked.due <= self.clock.t
            if how not in self.purses or purse is self.purses[how]
        ]
        if how in ("reopen", "killed"):
            if how == "reopen":
                self.ledger.close()
            else:
                self.cut()
            self.ledger = Ledger(self.where, clock=self.clock)
        else:
            assert self.ledger.presume(None if how == "all" else how) == len(late)
        # By op, as they were booked, of which each grant's time alone depends.
        for op in late:
            tokens = max(1, self.calls[op][0][1].estimate)
            self.charge(op, tokens)
            self.close_calls(op, "presumed", tokens)

    @rule(person=PEOPLE, tokens=st.integers(-60, 60))
    def correct(self, person, tokens):
        op, payers, now = new_op(), self.payers(person), self.now(person)
        begun = [dict(purse.months) for purse in payers]
        for purse in payers:
            purse.allotment(now)
        if person in CAPS and -tokens > min(self.share(person), *(purse.used(now) for purse in payers)):
            with pytest.raises(LedgerError, match="cannot be given back" if tokens < 0 else "never"):
                self.ledger.correct(person, INFERENCE, tokens, op=op)
            for purse, months in zip(payers, begun, strict=True):
                purse.months = months
            return
        self.ledger.correct(person, INFERENCE, tokens, op=op)
        self.ledger.correct(person, INFERENCE, tokens, op=op)
        for purse in payers:
            purse.correct(tokens, now)
        payers[0].corrected += tokens

    def share(self, person) -> int:
        """What a member used of the pool."""
        mine = self.purses[person]
        spent = sum(
            share for (purse, asked), *_ in self.calls.values() if purse is mine for _, share in asked.charged
        )
        return spent + mine.corrected

    @rule(account=st.sampled_from([ME, LAB]), monthly=st.integers(0, 300))
    def change_plan(self, account, monthly):
        self.ledger.set_plan(account, INFERENCE, monthly, source="model")
        purse = self.purses[account]
        purse.monthly = monthly
        now = purse.now()
        allotment = purse.allotment(now)
        allotment.t = now if allotment.granted != monthly else allotment.t
        allotment.granted = monthly

    @precondition(lambda self: len(self.purses[ME].tops) < 4)
    @rule(account=st.sampled_from([ME, LAB]), tokens=AMOUNTS, days=st.integers(1, 90))
    def top_up(self, account, tokens, days):
        purse = self.purses[account]
        number = len(purse.tops)
        pot = Pot(self.clock.t, self.clock.t + days * DAY + number + 1, tokens, t=purse.now())
        for _ in range(2):
            self.ledger.grant(
                account, INFERENCE, tokens, source=f"top-up:{number}", starts=pot.starts, ends=pot.ends
            )
        purse.tops.append(pot)

    @rule(hours=st.sampled_from([0, 1, 24, 24 * 9, 24 * 40]))
    def time_passes(self, hours):
        self.clock.t += hours * HOUR + 1

    @rule(hours=st.sampled_from([1, 24 * 5, 24 * 40]))
    def the_clock_is_set_back(self, hours):
        self.clock.t -= hours * HOUR

    @invariant()
    def figures_agree(self):
        if not hasattr(self, "ledger"):
            return
        for account, purse in self.purses.items():
            now = purse.now() if account == LAB else self.now(account)
            assert figures(self.ledger, account) == purse.figures(now)
            opened = [
                asked
                for payers in self.calls.values()
                for payer, asked in payers
                if payer is purse and asked.state == "held"
            ]
            assert account == LAB or len(self.ledger.open_calls(account)) == len(opened)

    def teardown(self):
        if not hasattr(self, "ledger"):
            return
        found = self.ledger.verify()
        assert found.problems == ()
        listed = {row[0]: row[CALL_COLUMNS.index("tokens")] for row in self.ledger.calls()}
        known = {
            op: asked.tokens
            for op, ((_, asked), *_) in self.calls.items()
            if asked.state != "held" and asked.tokens is not None
        }
        assert listed == known
        sources = {row[CALL_COLUMNS.index("source")] for row in self.ledger.calls()}
        assert sources <= {Source.BILLED, Source.PRESUMED}
        self.ledger.close()
        self.folder.cleanup()


def run_model(examples, where=lambda: None, cut=lambda: None):
    run_state_machine_as_test(
        lambda: LedgerAgainstModel(where(), cut),
        settings=settings(max_examples=examples, stateful_step_count=40),
    )


def test_a_file_agrees_with_the_model():
    run_model(25)


def test_a_server_agrees_with_the_model(postgres):
    def cut():
        postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'asksage_jupyter'"
        )

    run_model(6, lambda: postgres.url("postgres", schema=postgres.new_schema()), cut)
