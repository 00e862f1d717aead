"""A pool and its members: every hold must fit both, and both chains tell the same, on both databases."""

import random
import threading

import pytest
from ledger_desk import DAY, HOUR, INFERENCE, Clock, a_bill, a_call, at, figures
from sqlalchemy import text

from asksage_jupyter.account import Account, Meter
from asksage_jupyter.errors import BadInput, LedgerConflict, LedgerError, NotEnoughTokens
from asksage_jupyter.forecast import pace
from asksage_jupyter.ledger import Ledger, LedgerView, new_op
from asksage_jupyter.ledger.stores.sqlite.store import FileStore
from asksage_jupyter.ledger.stores.steps import STEPS

pytest_plugins = ["postgres_server"]

HOST = "api.example"
LAB = Account.of_pool(HOST, "lab")
ANA, BEN, EVE = (Account(HOST, f"{name}@example") for name in ("ana", "ben", "eve"))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(where, clock):
    """A pool of 1,000 tokens; Ana may use 300 of it, Ben as much as there is, and Eve is no member."""
    ledger = Ledger(where, clock=clock)
    ledger.set_plan(LAB, INFERENCE, 1000, source="team")
    ledger.join_pool(ANA, INFERENCE, LAB, 300)
    ledger.join_pool(BEN, INFERENCE, LAB)
    ledger.set_plan(EVE, INFERENCE, 500, source="set_plan")
    yield ledger
    assert ledger.verify().problems == ()
    ledger.close()


def held(ledger, account, tokens, *, due_in=HOUR):
    call = a_call(tokens, ledger._clock)
    ledger.hold(account, call, due=ledger._clock() + due_in)
    return call.op


def spent(ledger, account, tokens):
    ledger.settle(held(ledger, account, tokens), a_bill(tokens))


def pool_of(ledger, account):
    return ledger.balance(account).inference.pool


def used_by(ledger, meter=INFERENCE):
    return {member.account.holder[:3]: member.used for member in ledger.members(LAB, meter)}


# What fits


def test_a_hold_is_taken_from_the_member_and_from_the_pool(ledger):
    op = held(ledger, ANA, 100)
    assert figures(ledger, ANA) == (300, 0, 100)
    assert figures(ledger, LAB) == (1000, 0, 100)
    ledger.settle(op, a_bill(80))
    assert figures(ledger, ANA) == (300, 80, 0)
    assert figures(ledger, LAB) == (1000, 80, 0)


def test_a_cap_refuses_what_the_pool_could_pay(ledger):
    spent(ledger, ANA, 250)
    with pytest.raises(NotEnoughTokens, match="60 needed, your cap has 50 left until 1 Dec 2026") as refused:
        held(ledger, ANA, 60)
    assert (refused.value.remaining, refused.value.short) == (50, "your cap")
    assert figures(ledger, LAB) == (1000, 250, 0)


def test_the_pool_refuses_what_a_cap_would_allow(ledger):
    spent(ledger, BEN, 880)
    with pytest.raises(NotEnoughTokens, match="130 needed, the pool lab has 120 left") as refused:
        held(ledger, ANA, 130)
    assert refused.value.short == "the pool lab"
    assert figures(ledger, ANA) == (300, 0, 0)


def test_without_a_cap_a_member_may_use_all_that_the_pool_has(ledger):
    spent(ledger, ANA, 200)
    spent(ledger, BEN, 500)
    assert ledger.balance(BEN).inference.remaining == 300
    spent(ledger, BEN, 300)
    with pytest.raises(NotEnoughTokens, match="the pool lab has 0 left"):
        held(ledger, BEN, 1)


def test_what_the_owner_grants_is_spent_before_the_cap_and_with_the_pool(ledger, clock):
    ends = clock() + 2 * DAY
    assert ledger.grant_in_pool(ANA, INFERENCE, LAB, 200, ends=ends)
    assert not ledger.grant_in_pool(ANA, INFERENCE, LAB, 200, ends=ends)
    assert figures(ledger, ANA) == (500, 0, 0)
    spent(ledger, ANA, 150)
    (granted,) = ledger.members(LAB, INFERENCE)[0].granted
    assert (granted.tokens, granted.left, granted.ends) == (200, 50, ends)
    spent(ledger, ANA, 100)  # over both
    with pytest.raises(NotEnoughTokens, match="251 needed, your cap has 250 left"):
        held(ledger, ANA, 251)
    assert figures(ledger, LAB) == (1000, 250, 0)
    clock.t = ends
    assert figures(ledger, ANA) == (300, 50, 0)  # of the cap only what was spent above the grant
    assert ledger.members(LAB, INFERENCE)[0].granted == ()
    assert used_by(ledger) == {"ana": 250, "ben": 0}


def test_what_is_left_of_a_grant_stays_the_pools(ledger, clock):
    ledger.grant_in_pool(ANA, INFERENCE, LAB, 600, ends=clock() + DAY)
    spent(ledger, BEN, 950)
    with pytest.raises(NotEnoughTokens, match="60 needed, the pool lab has 50 left"):
        held(ledger, ANA, 60)
    clock.t += DAY
    spent(ledger, BEN, 50)
    assert figures(ledger, LAB) == (1000, 1000, 0)


def test_a_grant_goes_on_over_the_months_end_and_is_paid_by_the_month_of_each_call(ledger, clock):
    ledger.grant_in_pool(ANA, INFERENCE, LAB, 200, ends=at(2026, 12, 6))
    spent(ledger, ANA, 120)
    clock.t = at(2026, 12, 2)
    assert figures(ledger, ANA) == (500, 120, 0)
    spent(ledger, ANA, 80)
    assert figures(ledger, LAB) == (1000, 80, 0)
    clock.t = at(2026, 12, 6)
    assert figures(ledger, ANA) == (300, 0, 0)


def test_a_grant_is_of_its_pool_alone_and_beside_a_cap(ledger, clock):
    ledger.grant_in_pool(ANA, INFERENCE, LAB, 200, ends=clock() + DAY)
    ledger.leave_pool(ANA, INFERENCE, LAB)
    assert ledger.balance(ANA).inference.granted is None
    other = Account.of_pool(HOST, "other")
    ledger.set_plan(other, INFERENCE, 1000, source="team")
    ledger.join_pool(ANA, INFERENCE, other, 10)
    assert figures(ledger, ANA) == (10, 0, 0)
    for account, why in ((BEN, "has no cap in lab"), (EVE, "is no member of lab"), (ANA, "is no member of")):
        with pytest.raises(BadInput, match=why):
            ledger.grant_in_pool(account, INFERENCE, LAB, 5, ends=clock() + DAY)
    with pytest.raises(LedgerConflict, match="was granted 200 inference tokens until then, not 300"):
        ledger.leave_pool(ANA, INFERENCE, other)
        ledger.join_pool(ANA, INFERENCE, LAB, 300)
        ledger.grant_in_pool(ANA, INFERENCE, LAB, 300, ends=clock() + DAY)
    with pytest.raises(BadInput, match="is given with set_plan or by a pool"):
        ledger.grant(EVE, INFERENCE, 5, source="pool-grant:1:x", starts=0, ends=clock() + DAY)


def test_what_was_used_elsewhere_is_booked_on_the_cap_and_not_on_a_grant(ledger, clock):
    ledger.grant_in_pool(ANA, INFERENCE, LAB, 200, ends=clock() + DAY)
    spent(ledger, ANA, 50)
    ledger.correct(ANA, INFERENCE, 30, op="other-devices")
    clock.t += DAY
    assert figures(ledger, ANA) == (300, 30, 0)


def test_who_is_no_member_spends_their_own(ledger):
    spent(ledger, EVE, 400)
    assert pool_of(ledger, EVE) is None
    assert figures(ledger, EVE) == (500, 400, 0)
    assert figures(ledger, LAB) == (1000, 0, 0)
    with pytest.raises(NotEnoughTokens, match="101 needed, 100 remaining") as refused:
        held(ledger, EVE, 101)
    assert refused.value.short == ""


def test_meters_are_pooled_each_on_its_own(ledger):
    with pytest.raises(LedgerError, match="the monthly training tokens are not known"):
        ledger.hold(ANA, a_call(1, meter=Meter.TRAINING), due=ledger._clock() + HOUR)
    ledger.join_pool(ANA, Meter.TRAINING, LAB, 50)
    with pytest.raises(LedgerError, match=r"the pool lab has no training tokens yet.*team init --pool lab"):
        ledger.hold(ANA, a_call(1, meter=Meter.TRAINING), due=ledger._clock() + HOUR)
    assert not ledger.knows_month(ANA, Meter.TRAINING)
    assert ledger.knows_month(ANA, INFERENCE)


def test_a_top_up_of_the_pool_is_there_for_all(ledger):
    ledger.grant(LAB, INFERENCE, 500, source="top-up:1", starts=at(2026, 11, 1), ends=at(2027, 2, 1))
    spent(ledger, BEN, 1400)
    assert ledger.balance(BEN).inference.spendable == 100
    assert ledger.balance(ANA).inference.spendable == 100


# What comes late, twice or wrong


def test_a_bill_above_the_hold_is_overage_of_both(ledger):
    op = held(ledger, ANA, 300)
    ledger.settle(op, a_bill(1100))
    assert figures(ledger, ANA) == (300, 1100, 0)
    assert figures(ledger, LAB) == (1000, 1100, 0)
    with pytest.raises(NotEnoughTokens, match="the pool lab has -100 left"):
        held(ledger, BEN, 1)


def test_a_void_gives_back_to_both(ledger):
    ledger.void(held(ledger, BEN, 700))
    assert figures(ledger, LAB) == (1000, 0, 0)
    assert figures(ledger, BEN)[1:] == (0, 0)
    assert ledger.calls(BEN) == []


def test_the_same_move_again_changes_nothing(ledger):
    call = a_call(100, ledger._clock)
    for _ in range(2):
        ledger.hold(ANA, call, due=ledger._clock() + HOUR)
    for _ in range(2):
        ledger.settle(call.op, a_bill(90))
    for _ in range(2):
        ledger.correct(ANA, INFERENCE, 7, op="other-devices:1")
    assert figures(ledger, ANA) == (300, 97, 0)
    assert figures(ledger, LAB) == (1000, 97, 0)
    with pytest.raises(LedgerConflict):
        ledger.settle(call.op, a_bill(91))
    with pytest.raises(LedgerConflict):
        ledger.correct(ANA, INFERENCE, 8, op="other-devices:1")


def test_a_late_call_is_presumed_once_and_settled_by_the_difference(ledger, clock):
    op = held(ledger, ANA, 100)
    clock.t += 2 * HOUR
    assert ledger.presume() == 1
    assert ledger.presume() == 0
    assert figures(ledger, LAB) == (1000, 100, 0)
    ledger.settle(op, a_bill(130))
    assert figures(ledger, ANA) == (300, 130, 0)
    assert figures(ledger, LAB) == (1000, 130, 0)


def test_a_call_of_last_month_is_settled_in_it(ledger, clock):
    op = held(ledger, ANA, 100, due_in=30 * DAY)
    clock.t = at(2026, 12, 1)
    spent(ledger, ANA, 10)
    ledger.settle(op, a_bill(120))
    assert figures(ledger, ANA) == (300, 10, 0)
    assert figures(ledger, LAB) == (1000, 10, 0)
    assert ledger.used_in(ANA, INFERENCE, "2026-11") == ledger.used_in(LAB, INFERENCE, "2026-11") == 120


def test_what_other_devices_used_counts_in_the_pool_and_is_given_back_there(ledger):
    ledger.correct(BEN, INFERENCE, 400, op=new_op())
    assert figures(ledger, LAB) == (1000, 400, 0)
    ledger.correct(BEN, INFERENCE, -150, op=new_op())
    assert figures(ledger, LAB) == (1000, 250, 0)
    assert used_by(ledger) == {"ana": 0, "ben": 250}


# Members


def test_a_cap_that_is_changed_counts_at_once(ledger):
    spent(ledger, ANA, 250)
    assert ledger.join_pool(ANA, INFERENCE, LAB, 400)
    assert not ledger.join_pool(ANA, INFERENCE, LAB, 400)
    spent(ledger, ANA, 150)
    ledger.join_pool(ANA, INFERENCE, LAB, 100)
    assert ledger.balance(ANA).inference.overage == 300
    ledger.join_pool(ANA, INFERENCE, LAB)
    assert ledger.balance(ANA).inference.remaining == 600
    spent(ledger, ANA, 600)


def test_who_leaves_keeps_their_history_and_has_nothing_more_to_spend(ledger):
    spent(ledger, ANA, 100)
    op = held(ledger, ANA, 50)
    assert ledger.leave_pool(ANA, INFERENCE, LAB)
    assert not ledger.leave_pool(ANA, INFERENCE, LAB)
    assert ledger.pool_of(ANA, INFERENCE) is None
    with pytest.raises(NotEnoughTokens, match="1 needed, 50 over"):
        held(ledger, ANA, 1)
    ledger.settle(op, a_bill(60))
    assert figures(ledger, LAB) == (1000, 160, 0)
    assert len(ledger.calls(ANA)) == 2
    found = {
        member.account.holder: (member.used, member.has_left) for member in ledger.members(LAB, INFERENCE)
    }
    assert found == {"ana@example": (160, True), "ben@example": (0, False)}


def test_who_leaves_has_their_own_plan_again(ledger):
    ledger.join_pool(EVE, INFERENCE, LAB, 50)
    assert figures(ledger, EVE) == (50, 0, 0)
    ledger.leave_pool(EVE, INFERENCE, LAB)
    assert figures(ledger, EVE) == (500, 0, 0)


def test_what_was_used_before_joining_counts_against_the_cap_alone(ledger):
    spent(ledger, EVE, 80)
    ledger.join_pool(EVE, INFERENCE, LAB, 100)
    with pytest.raises(NotEnoughTokens, match="your cap has 20 left"):
        held(ledger, EVE, 21)
    assert figures(ledger, LAB) == (1000, 0, 0)
    assert used_by(ledger) == {"ana": 0, "ben": 0, "eve": 0}


def test_a_member_cannot_give_themselves_tokens(ledger):
    assert not ledger.open_month(ANA, INFERENCE, 9999, source="the service")
    with pytest.raises(LedgerError, match="spends from the pool lab: its owner sets the tokens"):
        ledger.set_plan(ANA, INFERENCE, 9999, source="set_plan")
    with pytest.raises(LedgerError, match="spends from the pool lab"):
        ledger.grant(ANA, INFERENCE, 9, source="top-up:1", starts=at(2026, 11, 1), ends=at(2026, 12, 1))
    assert figures(ledger, ANA) == (300, 0, 0)


def test_a_correction_gives_back_what_was_used_of_the_pool_and_no_more(ledger):
    spent(ledger, ANA, 50)
    spent(ledger, BEN, 80)
    with pytest.raises(LedgerError, match="cannot be given back: ana@example used 50 of the pool lab"):
        ledger.correct(ANA, INFERENCE, -51, op="a-gift")
    ledger.correct(ANA, INFERENCE, -50, op="given-back")
    ledger.correct(ANA, INFERENCE, -50, op="given-back")
    with pytest.raises(LedgerError, match="used 0 of the pool lab"):
        ledger.correct(ANA, INFERENCE, -1, op="more")
    assert figures(ledger, ANA) == (300, 0, 0)
    assert figures(ledger, LAB) == (1000, 80, 0)


def test_what_was_used_before_joining_is_not_given_back_by_the_pool(ledger):
    spent(ledger, EVE, 90)
    ledger.join_pool(EVE, INFERENCE, LAB, 200)
    with pytest.raises(LedgerError, match="used 0 of the pool lab"):
        ledger.correct(EVE, INFERENCE, -10, op="other-devices")


def test_a_month_that_is_over_gives_back_what_was_used_of_its_pool_and_no_more(ledger, clock):
    spent(ledger, ANA, 50)
    spent(ledger, BEN, 80)
    clock.t = at(2026, 12, 1)
    spent(ledger, ANA, 30)
    spent(ledger, BEN, 70)
    with pytest.raises(LedgerError, match=r"ana@example used 30 of the pool lab this month"):
        ledger.correct(ANA, INFERENCE, -31, op="what-was-used-in-november")
    with pytest.raises(LedgerError, match=r"ana@example used 50 of the pool lab in 2026-11\.$"):
        ledger.correct(ANA, INFERENCE, -51, op="a-gift", period="2026-11")
    ledger.correct(ANA, INFERENCE, -20, op="too-high", period="2026-11")
    assert ledger.used_in(ANA, INFERENCE, "2026-11") == 30
    assert ledger.used_in(LAB, INFERENCE, "2026-11") == 110
    assert figures(ledger, ANA) == (300, 30, 0)
    assert figures(ledger, LAB) == (1000, 100, 0)


def test_a_month_that_is_over_is_corrected_in_the_pool_of_then(ledger, clock):
    spent(ledger, ANA, 50)
    spent(ledger, EVE, 90)
    clock.t = at(2026, 12, 1)
    ledger.leave_pool(ANA, INFERENCE, LAB)
    ledger.join_pool(EVE, INFERENCE, LAB, 200)
    ledger.correct(ANA, INFERENCE, 7, op="late", period="2026-11")
    ledger.correct(EVE, INFERENCE, -9, op="before-joining", period="2026-11")
    assert ledger.used_in(ANA, INFERENCE, "2026-11") == 57 == ledger.used_in(LAB, INFERENCE, "2026-11")
    assert ledger.used_in(EVE, INFERENCE, "2026-11") == 81


def test_a_cap_is_a_cap_whatever_was_given_outside_the_pool(ledger, clock):
    ledger.grant(EVE, INFERENCE, 9999, source="top-up:1", starts=clock() - DAY, ends=at(2030, 1, 1))
    ledger.join_pool(EVE, INFERENCE, LAB, 50)
    assert figures(ledger, EVE) == (50, 0, 0)
    with pytest.raises(NotEnoughTokens, match="your cap has 50 left"):
        held(ledger, EVE, 51)
    ledger.settle(held(ledger, EVE, 50), a_bill(70))  # above the hold: the cap's overage, not the top-up's
    assert figures(ledger, EVE) == (50, 70, 0)
    ledger.leave_pool(EVE, INFERENCE, LAB)
    assert figures(ledger, EVE) == (500 + 9999, 70, 0)


def test_pools_are_not_members_and_nobody_is_in_two(ledger):
    with pytest.raises(BadInput):
        ledger.join_pool(Account.of_pool(HOST, "other"), INFERENCE, LAB)
    with pytest.raises(BadInput):
        ledger.join_pool(ANA, INFERENCE, EVE)
    with pytest.raises(LedgerConflict, match=r"let them leave it first.*--pool lab"):
        ledger.join_pool(ANA, INFERENCE, Account.of_pool(HOST, "other"))


# What is shown


def test_a_balance_tells_held_by_others_from_spent(ledger):
    spent(ledger, BEN, 100)
    held(ledger, ANA, 40)
    for tokens in (10, 20, 30):
        held(ledger, BEN, tokens)
    pool = pool_of(ledger, ANA)
    assert (pool.used, pool.held, pool.held_by_others, pool.open_by_others) == (100, 100, 60, 3)
    words = "pool lab: 800 of 1,000 left (100 used, 40 held by you, 60 held by 3 open calls of others)"
    balance = ledger.balance(ANA)
    assert str(balance).splitlines()[1:3] == [
        "  inference: 260 of 300 left (0 used, 40 held)",
        f"    {words}",
    ]
    assert all(
        part in balance._repr_html_() for part in ("40 held by you", "60 held by 3 open calls of others")
    )


def test_a_balance_without_a_cap_tells_what_the_pool_has(ledger):
    spent(ledger, ANA, 200)
    spent(ledger, BEN, 50)
    balance = ledger.balance(BEN)
    assert balance.inference.remaining == balance.inference.spendable == 750
    assert str(balance).splitlines()[1:3] == [
        "  inference: 50 used, without a cap of your own",
        "    pool lab: 750 of 1,000 left (250 used)",
    ]


def test_a_member_reads_their_own_calls_and_nothing_is_counted_twice(ledger, clock):
    since = clock() // HOUR * HOUR
    spent(ledger, ANA, 30)
    spent(ledger, BEN, 500)
    late = held(ledger, ANA, 20, due_in=2 * HOUR)
    clock.t += HOUR
    ledger.settle(late, a_bill(25))
    opened = held(ledger, ANA, 11)
    assert [row[10] for row in ledger.calls(ANA)] == [30, 25]
    assert ledger.used_in(ANA, INFERENCE) == 55
    month, calls = ledger.month_with_calls(ANA, INFERENCE)
    assert (month.granted, month.used, month.held, month.open_holds, len(calls)) == (300, 55, 11, 1, 2)
    assert month.source == "the pool lab"
    assert sum(tokens for _, tokens in ledger.spending(ANA, INFERENCE, since, since + DAY)) == 55
    assert ledger.spending(ANA, INFERENCE, since, since + HOUR) == [(since, 55)]
    assert sum(tokens for _, tokens in ledger.spending(LAB, INFERENCE, since, since + DAY)) == 555
    (left,) = ledger.unsettled(ANA, INFERENCE)
    assert (left.op, left.tokens) == (opened, 11)
    assert [call[0] for call in ledger.open_calls(ANA)] == [opened]
    assert [known.account for known in ledger.accounts()] == [ANA, BEN, EVE]


def test_an_audit_compares_the_pool_with_its_members(ledger):
    spent(ledger, ANA, 100)

    def change_the_pools(by):
        of_pool = (
            "SELECT g.id FROM grant_ g JOIN account a ON a.id = g.account_id WHERE a.holder = 'pool:lab'"
        )
        change = f"UPDATE entry SET tokens = tokens + {by} WHERE kind = 'settle' AND grant_id IN ({of_pool})"
        ledger._store.write(lambda connection: connection.execute(text(change)))

    change_the_pools(-1)
    told = "\n".join(ledger.verify().problems)
    assert "the pool's chain books other tokens than its member's" in told
    change_the_pools(1)


def test_a_ledger_from_before_pools_is_read_and_then_changed(tmp_path, clock):
    path = tmp_path / "old.db"
    FileStore(path, steps=STEPS[:2]).close()
    view = LedgerView(path, clock=clock)
    assert view.balance(ANA).inference.granted is None
    ledger = Ledger(path, clock=clock)
    ledger.set_plan(LAB, INFERENCE, 10, source="team")
    ledger.join_pool(ANA, INFERENCE, LAB)
    assert view.balance(ANA).inference.pool.remaining == 10
    view.close()
    ledger.close()


# Any order, and many at once


def test_any_moves_leave_the_pool_with_the_sum_of_its_members(ledger, clock):
    chance = random.Random(20261123)
    people, open_ops, caps = [ANA, BEN, EVE], [], {ANA: 300, BEN: None}
    ledger.join_pool(EVE, INFERENCE, LAB, 200)
    caps[EVE] = 200
    for _ in range(300):
        who, what = chance.choice(people), chance.random()
        if what < 0.5:
            due_in = chance.randint(1, 50) * HOUR
            try:
                open_ops.append(held(ledger, who, chance.randint(0, 60), due_in=due_in))
            except NotEnoughTokens as refused:
                assert refused.short
        elif what < 0.8 and open_ops:
            op = open_ops.pop(chance.randrange(len(open_ops)))
            if ledger.calls() and chance.random() < 0.2:
                ledger.presume()
            ledger.settle(op, a_bill(chance.randint(0, 40)))
        elif what < 0.9:
            tokens = chance.randint(-9, 9)
            try:
                ledger.correct(who, INFERENCE, tokens, op=new_op())
            except LedgerError:
                assert tokens < 0
                assert min(figures(ledger, who)[1], used_by(ledger)[who.holder[:3]]) < -tokens
        elif what < 0.94:
            caps[who] = chance.choice([None, 100, 400])
            ledger.join_pool(who, INFERENCE, LAB, caps[who])
        elif what < 0.97:
            ledger.leave_pool(who, INFERENCE, LAB)
            ledger.join_pool(who, INFERENCE, LAB, caps[who])
        else:
            clock.t += chance.randint(0, 2) * DAY
            ledger.presume()
    for period in ("2026-11", "2026-12", "2027-01"):
        shares = [ledger.used_in(who, INFERENCE, period) for who in people]
        assert sum(shares) == ledger.used_in(LAB, INFERENCE, period)
    assert sum(used_by(ledger).values()) == figures(ledger, LAB)[1]
    assert sum(member.held for member in ledger.members(LAB, INFERENCE)) == figures(ledger, LAB)[2]


def test_members_who_spend_at_once_exceed_neither_the_pool_nor_a_cap(ledger, where, clock):
    wrong, people = [], [ANA, BEN, EVE]
    ledger.join_pool(EVE, INFERENCE, LAB, 450)
    ready = threading.Barrier(len(people) * 2)

    def spend(who):
        mine = Ledger(where, clock=clock)
        ready.wait()
        try:
            while True:
                spent(mine, who, 7)
        except NotEnoughTokens:
            pass
        except BaseException as error:
            wrong.append(error)
        finally:
            mine.close()

    runners = [threading.Thread(target=spend, args=[who]) for who in people * 2]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    assert wrong == []
    assert figures(ledger, LAB) == (1000, 994, 0)  # 142 calls of 7 tokens: one more does not fit
    used = used_by(ledger)
    assert sum(used.values()) == 994
    assert used["ana"] <= 300
    assert used["eve"] <= 450


def test_only_a_member_with_a_cap_has_a_pace_of_their_own(ledger, clock):
    capped, uncapped = (pace(ledger.balance(account).inference, {}, clock(), "UTC") for account in (ANA, BEN))
    assert (capped.remaining, capped.pool) == (300, "")
    assert (uncapped.remaining, uncapped.up_to) == (None, None)
    assert uncapped.words == "How long the pool lab lasts depends on all who spend from it."
