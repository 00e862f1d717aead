"""Any order of moves, under a clock that jumps both ways, against a model in plain dictionaries."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)
from ledger_desk import DAY, HOUR, INFERENCE, ME, Clock, a_bill, a_call, at, figures

from asksage_jupyter.account import Source
from asksage_jupyter.errors import LedgerConflict, NotEnoughTokens
from asksage_jupyter.ledger import CALL_COLUMNS, Ledger, new_op
from asksage_jupyter.month import bounds, period_at

AMOUNTS = st.integers(0, 60)


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


class LedgerAgainstModel(RuleBasedStateMachine):
    ops = Bundle("ops")

    @initialize(monthly=st.integers(0, 300), used=st.integers(0, 50))
    def open(self, monthly, used):
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock(at(2026, 10, 30))
        self.ledger = Ledger(Path(self.folder.name, "ledger.sqlite"), clock=self.clock)
        self.monthly, self.months, self.tops, self.calls = monthly, {}, [], {}
        assert self.ledger.open_month(ME, INFERENCE, monthly, used=used, source="model")
        self.allotment().used = used

    def now(self) -> int:
        """The clock, but never before an entry of a grant that is not over."""
        pots = [*self.months.values(), *self.tops]
        return max([self.clock.t, *(pot.t for pot in pots if pot.ends > self.clock.t)])

    def allotment(self) -> Pot:
        now = self.now()
        period = period_at(now)
        return self.months.setdefault(period, Pot(*bounds(period), self.monthly, t=now))

    def live(self, t: int | None = None) -> list[Pot]:
        t = self.now() if t is None else t
        pots = [*self.months.values(), *self.tops]
        return sorted((pot for pot in pots if pot.starts <= t < pot.ends), key=lambda pot: pot.ends)

    def charge(self, asked: Asked, tokens: int) -> None:
        asked.charge(tokens, self.clock.t, self.live(asked.held_at))

    @rule(target=ops, estimate=AMOUNTS, due_in=st.integers(1, 48))
    def hold(self, estimate, due_in):
        call = a_call(estimate, self.clock)
        needed, begun = max(1, estimate), dict(self.months)
        self.allotment()
        remaining = sum(pot.room for pot in self.live())
        due = self.clock.t + due_in * HOUR
        if needed > remaining:
            with pytest.raises(NotEnoughTokens) as refused:
                self.ledger.hold(ME, call, due=due)
            assert refused.value.remaining == remaining
            self.months = begun
            return multiple()
        self.ledger.hold(ME, call, due=due)
        self.ledger.hold(ME, call, due=due)
        shares, now = [], self.now()
        for pot in self.live():
            share = min(needed, max(pot.room, 0))
            if share:
                pot.held += share
                pot.t = now
                shares.append((pot, share))
                needed -= share
        assert sum(pot.used + pot.held for pot in self.live()) <= sum(pot.granted for pot in self.live())
        self.calls[call.op] = Asked(estimate, due, shares, now)
        return call.op

    @rule(op=ops, tokens=AMOUNTS)
    def settle(self, op, tokens):
        asked = self.calls[op]
        if asked.state == "settled" and asked.tokens != tokens:
            with pytest.raises(LedgerConflict):
                self.ledger.settle(op, a_bill(tokens))
            return
        self.ledger.settle(op, a_bill(tokens))
        self.ledger.settle(op, a_bill(tokens))
        if asked.state != "settled":
            self.charge(asked, tokens)
            asked.state, asked.tokens = "settled", tokens

    @rule(op=ops)
    def void(self, op):
        asked = self.calls[op]
        if asked.state == "settled" and asked.tokens:
            with pytest.raises(LedgerConflict):
                self.ledger.void(op)
            return
        self.ledger.void(op)
        if asked.state != "settled":
            self.charge(asked, 0)
            asked.state, asked.tokens = "settled", None

    @rule(reopen=st.booleans())
    def presume(self, reopen):
        late = [asked for asked in self.calls.values() if asked.state == "held" and asked.due <= self.clock.t]
        if reopen:
            self.ledger.close()
            self.ledger = Ledger(self.ledger.path, clock=self.clock)
        else:
            assert self.ledger.presume() == len(late)
        for asked in late:
            self.charge(asked, max(1, asked.estimate))
            asked.state, asked.tokens = "presumed", max(1, asked.estimate)

    @rule(tokens=st.integers(-60, 60))
    def correct(self, tokens):
        op = new_op()
        self.ledger.correct(ME, INFERENCE, tokens, op=op)
        self.ledger.correct(ME, INFERENCE, tokens, op=op)
        self.allotment()
        now, live = self.now(), self.live()
        for pot in live if tokens > 0 else reversed(live):
            part = min(max(pot.room, 0), tokens) if tokens > 0 else -min(max(pot.used, 0), -tokens)
            pot.used += part
            pot.t = now if part else pot.t
            tokens -= part
        live[0].used += tokens
        live[0].t = now if tokens else live[0].t

    @rule(monthly=st.integers(0, 300))
    def change_plan(self, monthly):
        self.ledger.set_plan(ME, INFERENCE, monthly, source="model")
        self.monthly = monthly
        now, allotment = self.now(), self.allotment()
        allotment.t = now if allotment.granted != monthly else allotment.t
        allotment.granted = monthly

    @precondition(lambda self: len(self.tops) < 4)
    @rule(tokens=AMOUNTS, days=st.integers(1, 90))
    def top_up(self, tokens, days):
        pot = Pot(self.clock.t, self.clock.t + days * DAY + len(self.tops) + 1, tokens, t=self.now())
        source = f"top-up:{len(self.tops)}"
        for _ in range(2):
            self.ledger.grant(ME, INFERENCE, tokens, source=source, starts=pot.starts, ends=pot.ends)
        self.tops.append(pot)

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
        live = self.live()
        unborn = 0 if period_at(self.now()) in self.months else self.monthly
        expected = (
            sum(pot.granted for pot in live) + unborn,
            sum(pot.used for pot in live),
            sum(pot.held for pot in live),
        )
        assert figures(self.ledger) == expected
        assert len(self.ledger.open_calls(ME)) == sum(asked.state == "held" for asked in self.calls.values())

    def teardown(self):
        if not hasattr(self, "ledger"):
            return
        found = self.ledger.verify()
        assert found.problems == ()
        listed = {row[0]: row[CALL_COLUMNS.index("tokens")] for row in self.ledger.calls()}
        known = {
            op: asked.tokens
            for op, asked in self.calls.items()
            if asked.state != "held" and asked.tokens is not None
        }
        assert listed == known
        sources = {row[CALL_COLUMNS.index("source")] for row in self.ledger.calls()}
        assert sources <= {Source.BILLED, Source.PRESUMED}
        self.ledger.close()
        self.folder.cleanup()


LedgerAgainstModel.TestCase.settings = settings(
    max_examples=80,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
test_the_ledger_agrees_with_a_model = LedgerAgainstModel.TestCase
