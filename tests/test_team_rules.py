"""What PostgreSQL itself refuses a member: each kind of row, tried through raw SQL as their own login."""

import hashlib
import json
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest
from ledger_desk import INFERENCE, a_bill, a_call, figures
from rules_desk import FORBIDDEN, HOUR, Writer, about_bill, connected, login_of, writer
from sqlalchemy import make_url, text

from asksage_jupyter.account import Account, Envelope, Meter, Per
from asksage_jupyter.errors import BadInput, LedgerError, LedgerUnusable, NotEnoughTokens, OverEnvelope
from asksage_jupyter.ledger import Ledger, new_op
from asksage_jupyter.ledger.stores.place import place_of
from asksage_jupyter.ledger.stores.postgres.rules import (
    ADDS,
    ASKED,
    CHECKS,
    COLUMNS,
    LOGIN,
    SEES,
    TRIGGERS,
    WHO,
)
from asksage_jupyter.ledger.stores.postgres.steps import STEPS
from asksage_jupyter.ledger.stores.postgres.store import ServerStore
from asksage_jupyter.month import bounds, now, period_at
from asksage_jupyter.reconciling.counters import book
from asksage_jupyter.team import Team

pytest_plugins = ["postgres_server"]

HOST = "api.example"
ANA, BEN, CLEO, EVE = (Account(HOST, f"{name}@example") for name in ("ana", "ben", "cleo", "eve"))
LAB = Account.of_pool(HOST, "lab")
ANAS, BENS, CLEOS, POOL = ANA.holder, BEN.holder, CLEO.holder, LAB.holder
MONTH = 31 * 24 * HOUR
ACCOUNT = "INSERT INTO account (host, holder, meter, zone) VALUES"
DUE = now() - HOUR // 2


def spend(ledger, account, tokens, *, billed=None):
    call = a_call(tokens, ledger._clock)
    ledger.hold(account, call, due=ledger._clock() + HOUR)
    ledger.settle(call.op, a_bill(tokens if billed is None else billed))
    return call.op


@pytest.fixture
def team(database):
    """A pool of 1,000: Ana has a cap of 300 and used 50, Ben has none and used 80 of it, Eve is outside."""
    with closing(Ledger(database)) as owner:
        owner.install_roles()
        team = Team.make(owner, HOST, "lab", "UTC", {INFERENCE: 1000})
        for account, caps in ((ANA, {INFERENCE: 300}), (BEN, {})):
            team.add(account.holder, caps, login_of(database, account))
        owner.let_in(EVE, login_of(database, EVE))
        spend(owner, ANA, 50)
        spend(owner, BEN, 80)
        yield team
        assert owner.verify().problems == ()


@pytest.fixture
def ana(team, database):
    with writer(database, login_of(database, ANA)) as ana:
        yield ana


@pytest.fixture
def ben(team, database):
    with writer(database, login_of(database, BEN)) as ben:
        yield ben


@pytest.fixture
def eve(team, database):
    with writer(database, login_of(database, EVE)) as eve:
        yield eve


@pytest.fixture
def of_ben(team):
    """A call that Ben holds with 100 tokens."""
    call = a_call(100, team.ledger._clock)
    team.ledger.hold(BEN, call, due=now() + HOUR)
    return call.op


def refused(member: Writer, write, because=FORBIDDEN):
    """One transaction that must not come about, nor change what anybody may spend."""
    with pytest.raises(because), member.move():
        write(member)


# What a member may do by hand, which shows that the refusals below are no slips


def test_a_member_may_hold_settle_presume_and_correct_by_hand(ana, team):
    for billed in (30, 0, 90):
        with ana.move():
            op = ana.hold(ANAS, POOL, 40)
        with ana.move():
            ana.settle(ANAS, POOL, op, 40, billed)
    with ana.move():
        late = ana.hold(ANAS, POOL, 20, due=DUE)
    with ana.move():
        ana.settle(ANAS, POOL, late, 20, 20, kind="presume")
    with ana.move():
        for chain in (ANAS, POOL):
            ana.entry(ana.grant(chain), "given-back", "correct", -60)
    assert figures(team.ledger, ANA) == (300, 130, 0)
    assert figures(team.ledger, LAB) == (1000, 210, 0)


def test_a_member_without_a_cap_is_given_what_they_take(ben, team):
    with ben.move():
        op, about = ben.call(BENS, 100)
        ben.entry(ben.grant(BENS), new_op(), "grant", 100)
        due = now() + HOUR
        ben.entry(ben.grant(BENS), op, "hold", 100, about=about, due=due)
        ben.entry(ben.grant(POOL), op, "hold", 100, due=due)
    assert figures(team.ledger, LAB) == (1000, 130, 100)


# Holds


@pytest.mark.parametrize(
    "hold",
    [
        lambda m: m.hold(ANAS, POOL, 251),  # above the cap
        lambda m: m.hold(ANAS, POOL, 100, in_pool=1),
        lambda m: m.hold(ANAS, POOL, 100, in_pool=101),
        lambda m: m.hold(ANAS, None, 100),  # without the pool
        lambda m: m.hold(ANAS, POOL, -5),
        lambda m: m.hold(ANAS, POOL, 5, t=1),
        lambda m: m.hold(ANAS, POOL, 5, t=now() - 2 * HOUR),
        lambda m: m.hold(ANAS, POOL, 5, t=now() + 40 * 24 * HOUR),
        lambda m: m.hold(ANAS, POOL, 5, used=0),
        lambda m: m.hold(ANAS, POOL, 5, held=0),
        lambda m: m.hold(ANAS, POOL, 5, granted=9_999),
        lambda m: m.hold(ANAS, POOL, 5, hash=bytes(32)),
        lambda m: m.hold(ANAS, POOL, 5, seq=99),
        lambda m: m.hold(BENS, POOL, 5),
    ],
    ids=lambda case: "",
)
def test_a_hold_fits_the_cap_and_is_the_pools_too(ana, hold):
    refused(ana, hold, (*FORBIDDEN, psycopg.DatabaseError))


def test_a_hold_of_the_pool_alone_or_of_anothers_call_is_refused(ana, of_ben):
    refused(ana, lambda m: m.entry(m.grant(POOL), m.call(ANAS, 5)[0], "hold", 5))
    refused(ana, lambda m: m.entry(m.grant(ANAS), of_ben, "hold", 100))
    refused(ana, lambda m: m.entry(m.grant(BENS), m.call(ANAS, 5)[0], "hold", 5))


def test_the_due_time_is_the_same_in_both(ana):
    def later(member):
        op, about = member.call(ANAS, 5)
        member.entry(member.grant(ANAS), op, "hold", 5, about=about)
        member.entry(member.grant(POOL), op, "hold", 5, due=now() + 10**6 * HOUR)

    refused(ana, later)


def test_a_call_is_held_once(ana, team, database):
    op = spend(team.ledger, ANA, 10)
    refused(ana, lambda m: [m.entry(m.grant(chain), op, "hold", 10) for chain in (ANAS, POOL)], psycopg.Error)
    with closing(Ledger(member_url(database, ANA))) as mine:
        mine.hold(ANA, call := a_call(10), due=now() + HOUR)
    refused(
        ana, lambda m: [m.entry(m.grant(chain), call.op, "hold", 10) for chain in (ANAS, POOL)], psycopg.Error
    )
    team.ledger.void(call.op)


# Bills


@pytest.mark.parametrize(
    "settle",
    [
        lambda m, op: m.settle(ANAS, POOL, op, 40, -10),
        lambda m, op: m.settle(ANAS, POOL, op, 40, 30, in_pool=0),
        lambda m, op: m.settle(ANAS, POOL, op, 40, 0, in_pool=-40),
        lambda m, op: m.settle(ANAS, None, op, 40, 0),  # the pool still holds it
        lambda m, op: m.settle(ANAS, POOL, op, 300, 0),  # more than was held is released
        lambda m, op: m.settle(ANAS, POOL, op, 40, 30, billed=20),
        lambda m, op: m.settle(ANAS, POOL, op, 40, 30, billed=0),
        lambda m, op: m.settle(ANAS, POOL, op, 40, 10**15 + 1),
        lambda m, op: m.settle(ANAS, POOL, op, 40, 40, kind="presume"),  # before it is due
        lambda m, op: m.settle(ANAS, POOL, op, 40, 10, kind="presume"),
        lambda m, op: m.entry(m.grant(POOL), op, "settle", 0, released=40),  # the pool alone
        lambda m, op: m.settle(ANAS, POOL, new_op(), 0, 10),  # never held
    ],
    ids=lambda case: "",
)
def test_a_bill_ends_the_hold_in_both_and_is_no_gift(ana, team, settle):
    with ana.move():
        op = ana.hold(ANAS, POOL, 40)
    refused(ana, lambda member: settle(member, op))
    assert figures(team.ledger, LAB) == (1000, 130, 40)
    with ana.move():
        ana.settle(ANAS, POOL, op, 40, 44)
    refused(ana, lambda member: member.settle(ANAS, POOL, op, 0, 0), psycopg.Error)  # again
    refused(ana, lambda m: [m.entry(m.grant(c), op, "presume", 40, released=0) for c in (ANAS, POOL)])


def test_after_a_presume_no_more_is_given_back_than_was_presumed(ana, team):
    with ana.move():
        op = ana.hold(ANAS, POOL, 40, due=DUE)
    with ana.move():
        ana.settle(ANAS, POOL, op, 40, 40, kind="presume")
    refused(ana, lambda m: m.settle(ANAS, POOL, op, 0, -41, billed=0))
    refused(ana, lambda m: m.settle(ANAS, POOL, op, 40, -40, billed=0))
    with ana.move():
        ana.settle(ANAS, POOL, op, 0, -40, billed=0)
    assert figures(team.ledger, ANA) == (300, 50, 0)


def test_what_others_hold_is_not_released(ana, team, of_ben):
    refused(ana, lambda m: m.entry(m.grant(POOL), of_ben, "settle", 0, released=100))
    refused(ana, lambda m: m.entry(m.grant(POOL), of_ben, "presume", 100, released=100))
    refused(ana, lambda m: m.settle(ANAS, POOL, of_ben, 100, 0))
    refused(ana, lambda m: m.entry(m.grant(BENS), of_ben, "settle", 0, released=100))
    assert figures(team.ledger, LAB) == (1000, 130, 100)
    team.ledger.settle(of_ben, a_bill(100))


def test_a_bill_is_paid_by_what_could_be_spent_when_it_was_held(ana, team):
    """Not by a month that is over, of which the pool has much left."""
    starts, ends = bounds("2025-01")
    team.ledger.grant(LAB, INFERENCE, 500, source="top-up:old", starts=starts, ends=ends)
    with ana.move():
        op = ana.hold(ANAS, POOL, 40)

    def elsewhere(member):
        at = member.entry(member.grant(ANAS), op, "settle", 90, released=40, about=about_bill(90))
        member.bill(at, op, 90)
        member.entry(member.grant(POOL), op, "settle", 0, released=40)
        member.entry(member.grant(POOL, "top-up:old"), op, "settle", 90)

    refused(ana, elsewhere)
    with ana.move():
        ana.settle(ANAS, POOL, op, 40, 90)


def test_a_bill_does_not_go_to_another_grant_while_one_that_held_has_room(ana, team):
    team.ledger.grant(LAB, INFERENCE, 500, source="top-up:new", starts=now() - HOUR, ends=now() + MONTH)
    with ana.move():
        op = ana.hold(ANAS, POOL, 40)

    def elsewhere(member):
        at = member.entry(member.grant(ANAS), op, "settle", 40, released=40, about=about_bill(40))
        member.bill(at, op, 40)
        member.entry(member.grant(POOL), op, "settle", 0, released=40)
        member.entry(member.grant(POOL, "top-up:new"), op, "settle", 40)

    refused(ana, elsewhere)
    with ana.move():
        ana.settle(ANAS, POOL, op, 40, 40)


# What the owner granted beside a cap


@pytest.fixture
def granted(team):
    """Ana may spend 120 more than her cap for an hour, and spent 20 of it."""
    assert team.ledger.grant_in_pool(ANA, INFERENCE, LAB, 120, ends=now() + HOUR)
    spend(team.ledger, ANA, 20)
    assert figures(team.ledger, ANA) == (420, 70, 0)
    return "pool-grant:%"


def hold_granted(member, tokens, source, *, in_pool=None):
    op, about = member.call(ANAS, tokens)
    due = now() + HOUR
    member.entry(member.grant(ANAS, source), op, "hold", tokens, about=about, due=due)
    if in_pool is not None:
        member.entry(member.grant(POOL), op, "hold", in_pool, due=due)


def test_a_member_spends_what_they_were_granted_by_hand_too(ana, team, granted):
    with ana.move():
        hold_granted(ana, 100, granted, in_pool=100)
    assert figures(team.ledger, ANA) == (420, 70, 100)
    assert figures(team.ledger, LAB) == (1000, 150, 100)


def correct_granted(member, tokens, source, in_pool):
    member.entry(member.grant(ANAS, source), "a-gift", "correct", tokens)
    if in_pool:
        member.entry(member.grant(POOL), "a-gift", "correct", tokens)


@pytest.mark.parametrize(
    "write",
    [
        lambda m, source: hold_granted(m, 101, source, in_pool=101),  # more than it is
        lambda m, source: hold_granted(m, 50, source),  # without the pool
        lambda m, source: hold_granted(m, 50, source, in_pool=1),
        lambda m, source: m.entry(m.grant(ANAS, source), new_op(), "grant", 500),
        lambda m, source: correct_granted(m, -10, source, in_pool=True),
        lambda m, source: correct_granted(m, -10, source, in_pool=False),
        lambda m, source: correct_granted(m, 10, source, in_pool=True),
    ],
    ids=lambda case: "",
)
def test_what_is_granted_is_spent_with_the_pool_and_is_no_more_than_was_given(ana, team, granted, write):
    refused(ana, lambda member: write(member, granted))
    team.remove(ANA.holder)  # nor does it become anything outside the pool
    refused(ana, lambda member: write(member, granted))
    refused(ana, lambda member: hold_granted(member, 50, granted))


def test_nobody_grants_themselves_anything_of_a_pool(ana, ben, eve, team):
    team.ledger.set_plan(EVE, INFERENCE, 500, source="me")
    pool = ana.account(POOL)
    for member, holder in ((ana, ANAS), (ben, BENS), (eve, EVE.holder)):

        def give(member, holder=holder):
            columns = "account_id, source, starts, ends"
            (made,) = member.run(
                f"INSERT INTO grant_ ({columns}) VALUES (%s, %s, %s, %s) RETURNING id",
                member.account(holder), f"pool-grant:{pool}:x", now() - HOUR, now() + HOUR,
            )  # fmt: skip
            member.entry(made[0], "x", "grant", 500)

        refused(member, give)


# Corrections


@pytest.mark.parametrize(
    ("own", "in_pool"),
    [
        *[
            (-51, -51),
            (-50_000, -50_000),
            (-10, -20),
            (-10, None),
            (None, -10),
            (10, None),
            (10, 5),
            (-10, 10),
        ],
        (10**15 + 1, 10**15 + 1),
    ],
)
def test_a_correction_gives_back_what_was_used_and_no_more(ana, team, own, in_pool):
    def correct(member):
        for chain, tokens in ((ANAS, own), (POOL, in_pool)):
            if tokens is not None:
                member.entry(member.grant(chain), "a-gift", "correct", tokens)

    refused(ana, correct)
    assert figures(team.ledger, LAB) == (1000, 130, 0)


def test_a_correction_is_booked_once_and_one_snapshot_hides_no_other(ana):
    with ana.move():
        for chain in (ANAS, POOL):
            ana.entry(ana.grant(chain), "once", "correct", -30)
    for op in ("once", "twice"):
        refused(
            ana,
            lambda m, op=op: [m.entry(m.grant(chain), op, "correct", -30) for chain in (ANAS, POOL)],
            psycopg.Error,
        )

    def of_an_older_snapshot(member):
        member.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for chain in (ANAS, POOL):
            member.entry(member.grant(chain), "thrice", "correct", -1)

    refused(ana, of_an_older_snapshot)


def test_anothers_correction_is_not_told_again_nor_its_name_taken(ana, team, database):
    """By one Ana had used what Ben did, and could give it back; by the other Ben could book nothing."""
    period = period_at(now())
    bens = f"other-devices:{HOST}:{BENS}:inference:{period}:0"

    def squat(member):
        for chain in (ANAS, POOL):
            member.entry(member.grant(chain), bens, "correct", 5)

    refused(ana, squat)
    with closing(Ledger(member_url(database, BEN))) as mine:
        assert book(mine, BEN, INFERENCE, 60, period, 0)
    refused(ana, lambda m: m.entry(m.grant(ANAS), bens, "correct", 60))
    with closing(Ledger(member_url(database, ANA))) as mine:
        assert book(mine, ANA, INFERENCE, 5, period, 0)
        assert book(mine, ANA, INFERENCE, -7, period, 1)
    assert figures(team.ledger, LAB) == (1000, 50 + 80 + 60 - 2, 0)


def test_what_was_used_before_joining_is_not_given_back_to_the_pool(eve, team):
    team.ledger.set_plan(EVE, INFERENCE, 500, source="me")
    spend(team.ledger, EVE, 90)
    team.ledger.join_pool(EVE, INFERENCE, LAB, 200)
    eves = EVE.holder
    refused(eve, lambda m: [m.entry(m.grant(chain), "x", "correct", -40) for chain in (eves, POOL)])


# Months that are over


@pytest.fixture
def team_of_before(database):
    """A pool since last month, when Ana used 250 of it and Ben 400; now Ana used 50 and Ben 80, of 1,000."""
    now_and_then = [bounds(period_at(now()))[0] - HOUR]
    with closing(Ledger(database, clock=lambda: now_and_then[-1] or now())) as owner:
        owner.install_roles()
        team = Team.make(owner, HOST, "lab", "UTC", {INFERENCE: 1000})
        team.add(ANA.holder, {INFERENCE: 300}, login_of(database, ANA))
        team.add(BEN.holder, {}, login_of(database, BEN))
        spend(owner, ANA, 250)
        spend(owner, BEN, 400)
        now_and_then.append(0)
        spend(owner, ANA, 50)
        spend(owner, BEN, 80)
        yield team
        assert owner.verify().problems == ()


def then_and_now():
    this = period_at(now())
    return f"allotment:{period_at(bounds(this)[0] - 1)}", f"allotment:{this}"


THEN, NOW = 0, 1


@pytest.mark.parametrize(
    "moves",
    [
        pytest.param([[(ANAS, THEN, -50), (POOL, NOW, -50)]], id="the pool of now, for what was used then"),
        pytest.param([[(ANAS, NOW, -50), (POOL, THEN, -50)]], id="the cap of now, from the pool of then"),
        pytest.param(
            [[(chain, when, tokens) for chain in (ANAS, POOL) for when, tokens in ((THEN, 50), (NOW, -50))]],
            id="what is used now, moved to then",
        ),
        pytest.param([[(ANAS, NOW, -51), (POOL, NOW, -51)]], id="more than was used now"),
        pytest.param([[(ANAS, THEN, -251), (POOL, THEN, -251)]], id="more than was used then"),
        pytest.param(
            [[(chain, THEN, 100) for chain in (ANAS, POOL)], [(chain, NOW, -51) for chain in (ANAS, POOL)]],
            id="one month told more, to give back of the other",
        ),
        pytest.param([[(ANAS, THEN, -50)]], id="without the pool"),
        pytest.param([[(POOL, THEN, -50)]], id="of the pool alone"),
    ],
)
def test_a_correction_moves_nothing_between_months(team_of_before, database, moves):
    def correct(member):
        for number, move in enumerate(moves):
            for holder, when, tokens in move:
                chain = member.grant(holder, then_and_now()[when])
                member.entry(chain, f"gift:{number}", "correct", tokens)

    with writer(database, login_of(database, ANA)) as ana:
        refused(ana, correct)
    assert figures(team_of_before.ledger, LAB) == (1000, 130, 0)


def test_a_month_that_is_over_gives_back_what_was_used_of_it(team_of_before, database):
    ledger = team_of_before.ledger
    last = then_and_now()[THEN].removeprefix("allotment:")
    with closing(Ledger(member_url(database, ANA))) as mine:
        mine.correct(ANA, INFERENCE, -250, op="too-high", period=last)
        with pytest.raises(LedgerError, match=rf"used 0 of the pool lab in {last}\.$"):
            mine.correct(ANA, INFERENCE, -1, op="a-gift", period=last)
    assert ledger.used_in(LAB, INFERENCE, last) == 400
    assert figures(ledger, ANA) == (300, 50, 0)
    assert figures(ledger, LAB) == (1000, 130, 0)


def test_a_month_that_is_over_is_corrected_in_the_pool_of_then(team_of_before, database):
    ledger = team_of_before.ledger
    last = then_and_now()[THEN].removeprefix("allotment:")
    team_of_before.remove(ANA.holder)
    with closing(Ledger(member_url(database, ANA))) as mine:
        mine.correct(ANA, INFERENCE, 20, op="late", period=last)
    with writer(database, login_of(database, ANA)) as ana:
        refused(ana, lambda m: m.entry(m.grant(ANAS, then_and_now()[THEN]), "alone", "correct", -5))
    assert ledger.used_in(LAB, INFERENCE, last) == 670


def test_nobody_joins_with_less_used_than_nothing(eve, team):
    team.ledger.set_plan(EVE, INFERENCE, 500, source="me")
    spend(team.ledger, EVE, 10)
    refused(eve, lambda m: m.entry(m.grant(EVE.holder), "to-come", "correct", -1_000))


# Grants, plans, accounts and members


@pytest.mark.parametrize(
    "give",
    [
        lambda m: m.entry(m.grant(ANAS), new_op(), "grant", 5_000),
        lambda m: m.entry(m.grant(POOL), new_op(), "grant", 5_000),
        lambda m: m.entry(m.grant(ANAS), new_op(), "grant", -5),
        lambda m: m.run("INSERT INTO plan VALUES (%s, 9, '2026-11', 99999, 'me')", m.account(ANAS)),
        lambda m: m.run("INSERT INTO plan VALUES (%s, 9, '2026-11', 99999, 'me')", m.account(POOL)),
        lambda m: m.run("INSERT INTO member VALUES (%s, 9, NULL, NULL, 1)", m.account(ANAS)),
        lambda m: m.run("INSERT INTO member VALUES (%s, 9, %s, NULL, 1)", m.account(ANAS), m.account(POOL)),
        lambda m: m.run(f"{ACCOUNT} ('x', 'x', 'training', 'UTC')"),
        lambda m: m.run(f"{ACCOUNT} (%s, %s, 'training', 'no/zone')", HOST, ANAS),
        lambda m: m.run("INSERT INTO login VALUES (session_user, %s, %s)", HOST, BENS),
        lambda m: m.run("INSERT INTO ledger_version VALUES (9)"),
    ],
    ids=lambda case: "",
)  # fmt: skip
def test_a_member_is_given_nothing_by_themselves(ana, give):
    refused(ana, give)


@pytest.mark.parametrize("holder", [ANAS, POOL, BENS])
@pytest.mark.parametrize(
    ("source", "since", "until"),
    [
        ("top-up:1", 0, MONTH),
        ("allotment:2026-10x", 0, MONTH),
        ("next", 0, 0),  # the next month, begun too early
        ("last", -10 * 24 * HOUR, 0),  # an earlier one that lasts until now
        ("over", 0, 0),  # an earlier one, as it was
    ],
)
def test_a_member_begins_no_month_but_this_one(ana, holder, source, since, until):
    def begin(member):
        nonlocal source, since, until
        this = period_at(now())
        if source == "next":
            following = bounds(this)[1]
            source, (since, until) = f"allotment:{period_at(following)}", bounds(period_at(following))
        elif source == "over":
            before = period_at(bounds(this)[0] - 1)
            source, (since, until) = f"allotment:{before}", bounds(before)
        elif source == "last":
            before = period_at(bounds(this)[0] - 1)
            source, since, until = f"allotment:{before}", bounds(before)[0] + 25 * 24 * HOUR, now() + HOUR
        else:
            since, until = now() + since, now() + until
        make = "INSERT INTO grant_ (account_id, source, starts, ends) VALUES (%s, %s, %s, %s)"
        member.run(make, member.account(holder), source, since, until)

    refused(ana, begin)


def test_a_month_begins_with_the_cap_and_no_more(eve, team):
    team.ledger.join_pool(EVE, INFERENCE, LAB, 40)
    starts, ends = bounds(period_at(now()))
    make = "INSERT INTO grant_ (account_id, source, starts, ends) VALUES (%s, %s, %s, %s)"

    def begin(member, tokens, source=None):
        source = source or f"allotment:{period_at(now())}"
        member.run(make, member.account(EVE.holder), source, starts, ends)
        about = (HOST, EVE.holder, "inference", source, starts, ends)
        member.entry(member.grant(EVE.holder), source, "grant", tokens, about=about)

    refused(eve, lambda m: begin(m, 41))
    refused(eve, lambda m: m.run(make, m.account(EVE.holder), f"allotment:{period_at(now())}", starts, ends))
    with eve.move():
        begin(eve, 40)
    assert figures(team.ledger, EVE) == (40, 0, 0)


def test_a_cap_is_not_raised_by_what_was_given_outside_the_pool(eve, team, database):
    with closing(Ledger(member_url(database, EVE))) as mine:
        mine.set_plan(EVE, INFERENCE, 10**6, source="me")
        mine.grant(EVE, INFERENCE, 10**6, source="top-up:1", starts=now() - 1, ends=now() + 24 * MONTH)
        team.ledger.join_pool(EVE, INFERENCE, LAB, 40)
        assert figures(mine, EVE) == (40, 0, 0)
        with pytest.raises(NotEnoughTokens):
            mine.hold(EVE, a_call(41), due=now() + HOUR)
        op, about = "", ()

        def by_hand(member):
            nonlocal op, about
            op, about = member.call(EVE.holder, 41)
            due = now() + HOUR
            member.entry(member.grant(EVE.holder, "top-up:1"), op, "hold", 41, about=about, due=due)
            member.entry(member.grant(POOL), op, "hold", 41, due=due)

        refused(eve, by_hand)


def test_without_a_cap_nothing_is_granted_that_is_not_taken(ben):
    refused(ben, lambda m: m.entry(m.grant(BENS), new_op(), "grant", 500))


def test_who_is_in_no_pool_has_what_their_plan_says_or_every_verify_would_tell_a_fault(eve, team, database):
    with closing(Ledger(member_url(database, EVE))) as mine:
        mine.set_plan(EVE, INFERENCE, 500, source="me")
    account, made, month = eve.account(EVE.holder), eve.grant(EVE.holder), period_at(now())

    def plan(member, seq=2, since=month, monthly=300):
        member.run("INSERT INTO plan VALUES (%s, %s, %s, %s, 'me')", account, seq, since, monthly)

    before = period_at(bounds(month)[0] - 2 * HOUR)
    for change in ({"monthly": 400}, {"seq": 3}, {"since": before}, {"since": "9999-01"}, {"since": "x"}):
        refused(eve, lambda m, change=change: (plan(m, **change), m.entry(made, new_op(), "grant", -200)))
    refused(eve, plan)
    refused(eve, lambda m: m.entry(made, new_op(), "grant", -200))
    with eve.move():
        plan(eve)
        eve.entry(made, new_op(), "grant", -200)
    assert figures(team.ledger, EVE) == (300, 0, 0)


def test_ids_are_the_ledgers_to_give(eve):
    account = eve.account(ANAS)
    refused(
        eve, lambda m: m.run("INSERT INTO account VALUES (999, %s, %s, 'inference', 'UTC')", HOST, EVE.holder)
    )
    refused(eve, lambda m: m.run("INSERT INTO grant_ VALUES (999, %s, 'top-up:9', 1, 2)", account))


# Calls and bills


def test_a_call_has_its_hold_and_a_bill_its_entry(ana, team):
    op = spend(team.ledger, ANA, 10)
    refused(ana, lambda m: m.call(ANAS, 5))
    refused(ana, lambda m: m.call(BENS, 5))
    grant_id = ana.grant(ANAS)
    for seq in range(1, ana.tail(grant_id)[0] + 1):
        refused(ana, lambda m, seq=seq: m.bill((grant_id, seq), op, 3), psycopg.Error)
    refused(ana, lambda m: m.run("INSERT INTO bill SELECT grant_id, seq, op, t, 1, 'billed', 'ok' FROM entry "
                                 "WHERE grant_id = %s LIMIT 1", ana.grant(POOL)))  # fmt: skip


# The database's own ways around


@pytest.mark.parametrize(
    "sql",
    [
        "SET ROLE asksage_owner",
        "SET SESSION AUTHORIZATION asksage",
        "SET row_security = off; SELECT * FROM call",
        "UPDATE account SET id = id",
        "INSERT INTO account (host, holder, meter, zone) VALUES ('{host}', '{me}', 'inference', 'UTC') "
        "ON CONFLICT (host, holder, meter) DO UPDATE SET id = account.id + 1",
        "DELETE FROM entry",
        "TRUNCATE entry CASCADE",
        "ALTER TABLE entry DISABLE TRIGGER ALL",
        "ALTER TABLE entry DISABLE ROW LEVEL SECURITY",
        "DROP POLICY asksage_adds ON entry",
        "SET session_replication_role = replica",
        "CREATE TABLE public.mine (a INT)",
        "CREATE FUNCTION public.asksage_own() RETURNS SETOF BIGINT LANGUAGE sql AS 'SELECT 1::bigint'",
        "GRANT asksage_owner TO CURRENT_USER",
        "LOCK TABLE entry IN ACCESS EXCLUSIVE MODE",
        "SELECT * FROM login",
        # What the triggers ask, which tells of any account.
        "SELECT asksage_share_of(a, b) FROM generate_series(1, 9) a, generate_series(1, 9) b",
        "SELECT asksage_pool_of(a) FROM generate_series(1, 9) a",
        "SELECT asksage_sum('x', ARRAY['hold'], 1)",
        r"SELECT asksage_about(row(a, 1, 'x', 'grant', 1, 1, 1, 1, 1, 1, '\x00')::entry) "
        "FROM generate_series(1, 9) a",
    ],
)
def test_the_rules_are_not_put_aside(ana, sql):
    said = sql.format(host=HOST, me=ANAS)
    with pytest.raises(psycopg.Error) as why, ana.move():
        for statement in said.split("; "):
            ana.run(statement)
    assert why.value.sqlstate in ("42501", "23514", "25001", "22023", "42939"), why.value


def test_constraints_are_not_put_off_or_looked_at_too_early(ana, team):
    def early(member):
        member.run("SET CONSTRAINTS ALL IMMEDIATE")
        member.hold(ANAS, POOL, 10, in_pool=1)

    refused(ana, early)
    assert figures(team.ledger, LAB) == (1000, 130, 0)


@pytest.mark.parametrize("table", ["login", "member", "account", "grant_", "entry", "plan"])
def test_a_table_of_ones_own_is_not_taken_for_the_ledgers(ana, team, table):
    ana.run(f"CREATE TEMP TABLE {table} (LIKE public.account)" if table == "account" else TEMPORARY[table])
    ana.run(f"GRANT ALL ON pg_temp.{table} TO PUBLIC")
    if table == "login":
        ana.run("INSERT INTO pg_temp.login SELECT session_user, %s, %s", HOST, BENS)
    visible = {row[0] for row in ana.run("SELECT holder FROM public.account")}
    assert visible == {ANAS, POOL}
    ana.run(f"DROP TABLE pg_temp.{table}")
    refused(ana, lambda m: m.hold(ANAS, POOL, 251))


def test_a_zone_is_no_abbreviation_whose_hours_a_session_sets(eve, team, database):
    with closing(Ledger(member_url(database, EVE))) as mine:
        mine.set_plan(replace(EVE, zone="EST"), INFERENCE, 100, source="me")
    eve.run("SET timezone_abbreviations = 'Australia'")  # where it is fifteen hours earlier
    asked = "SELECT asksage_is_month(%s, %s, %s, %s)"
    period = period_at(now(), "EST")
    account, (starts, ends) = eve.account(EVE.holder), bounds(period, "EST")
    for off, is_month in ((0, True), (-15 * HOUR, False)):
        assert eve.run(asked, account, f"allotment:{period}", starts + off, ends + off) == [(is_month,)]


TEMPORARY = {  # the columns that the rules look at
    "login": "CREATE TEMP TABLE login (role TEXT, host TEXT, holder TEXT)",
    "member": "CREATE TEMP TABLE member (account_id BIGINT, seq BIGINT, pool_id BIGINT, cap BIGINT)",
    "grant_": "CREATE TEMP TABLE grant_ (id BIGINT, account_id BIGINT, starts BIGINT, ends BIGINT)",
    "entry": "CREATE TEMP TABLE entry (grant_id BIGINT, seq BIGINT)",
    "plan": "CREATE TEMP TABLE plan (account_id BIGINT, seq BIGINT, monthly BIGINT)",
}


def test_a_stranger_sees_and_does_nothing(team, postgres, database):
    name = f"stranger_{make_url(database).database}"
    postgres.execute(f"CREATE ROLE {name} LOGIN")
    with connected(database, name) as stranger:
        for table in (
            "account",
            "plan",
            "member",
            "grant_",
            "entry",
            "call",
            "bill",
            "login",
            "ledger_version",
        ):
            for sql in (f"SELECT * FROM {table}", f"INSERT INTO {table} DEFAULT VALUES"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    stranger.execute(sql)
        functions = stranger.execute(
            "SELECT oid::regprocedure::text, has_function_privilege(oid, 'EXECUTE') FROM pg_proc "
            "WHERE starts_with(proname, 'asksage_')"
        ).fetchall()
    assert len(functions) > 10
    assert not any(allowed for _, allowed in functions)
    # A member's role without an account is nobody either.
    postgres.execute(f"GRANT asksage_member TO {name}")
    with writer(database, name) as nobody:
        assert nobody.run("SELECT * FROM account") == []
        for holder in (ANAS, POOL):
            refused(nobody, lambda m, holder=holder: m.entry(m.grant(holder), "x", "correct", 1))


# The client


def test_a_member_who_would_change_another_is_told_to_ask_an_owner(team, database):
    with closing(Ledger(member_url(database, ANA))) as mine:
        anas = Team(mine, LAB)
        for change in (
            lambda: anas.cap(BENS, INFERENCE, 1),
            lambda: anas.cap("ben", INFERENCE, None),
            lambda: anas.remove(BENS),
            lambda: anas.grant(BENS, INFERENCE, 5, "2999-01-01"),
            lambda: anas.cap(ANAS, INFERENCE, 900),
            lambda: anas.remove("ana"),
            lambda: anas.add(CLEOS, {}, None),
        ):
            with pytest.raises(LedgerError, match=r"\bask (them|its owner)"):
                change()
    with pytest.raises(BadInput, match="no member of lab"):
        team.remove("nobody@example")


def member_url(database, account):
    return make_url(database).set(username=login_of(database, account)).render_as_string(hide_password=False)


def test_a_clock_that_is_far_off_is_told_so(team, database):
    ahead = Ledger(member_url(database, ANA), clock=lambda: now() + 3 * HOUR)
    with closing(ahead), pytest.raises(LedgerUnusable, match="clock is more than an hour off"):
        spend(ahead, ANA, 5)
    with closing(Ledger(member_url(database, ANA))) as mine:
        mine.hold(ANA, call := a_call(5, mine._clock), due=now() + HOUR)
        mine._clock = lambda: now() - 3 * HOUR
        mine.settle(call.op, a_bill(5))  # a bill is taken all the same


def test_a_member_books_whatever_their_login_is_set_to(team, postgres, database):
    settings = (
        "standard_conforming_strings = off",
        "backslash_quote = off",
        "synchronous_commit = off",
        "default_transaction_isolation = serializable",
        "bytea_output = escape",
        "extra_float_digits = -15",
        "datestyle = 'SQL, DMY'",
        "timezone = 'Asia/Kathmandu'",
        "client_encoding = latin1",
        "transform_null_equals = on",
        "lock_timeout = 1",
    )
    for setting in settings:
        postgres.execute(f"ALTER ROLE {login_of(database, ANA)} SET {setting}")
    with closing(Ledger(member_url(database, ANA))) as mine:
        for name in NAMES:
            call = a_call(5, mine._clock, notebook=name)
            mine.hold(ANA, call, due=now() + HOUR, within=[Envelope("project", "apollo", 100)])
            mine.settle(call.op, a_bill(4, request_id=name))
        shown = mine._store.write(lambda connection: connection.scalar(text("SHOW synchronous_commit")))
        assert shown == "on"
    assert figures(team.ledger, ANA) == (300, 50 + 4 * len(NAMES), 0)


@pytest.mark.parametrize("tokens", [-50_000, -51])
def test_the_client_refuses_a_gift_in_one_line(team, database, tokens):
    with closing(Ledger(member_url(database, ANA))) as mine:
        with pytest.raises(LedgerError, match="cannot be given back: ana@example used 50 of the pool lab"):
            mine.correct(ANA, INFERENCE, tokens, op="a-gift")
        mine.correct(ANA, INFERENCE, -50, op="given-back")
    assert figures(team.ledger, LAB) == (1000, 80, 0)


NAMES = [
    "plain",
    'a"b\\c/d',
    "\n\t\r\b\f\x01\x1f\x7f",
    "Größe – 数学",
    "😀🧮\u2028",
    "'; DROP TABLE entry; --",
    "",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_hashed_in_the_database_as_they_are_here(team, database, name):
    with closing(Ledger(member_url(database, ANA))) as mine:
        call = a_call(5, mine._clock, notebook=name, cell=name, project=name, user=name)
        mine.hold(ANA, call, due=now() + HOUR)
        mine.settle(call.op, a_bill(5, request_id=name, model=name, input_tokens=3))
        asked = [json.dumps(name)]
        with team.ledger._store.reading() as connection:
            found = connection.exec_driver_sql("SELECT asksage_json(%s)", (name,)).scalar()
    assert [found] == asked


@pytest.mark.parametrize("version", [3, 4, 5])
def test_rules_of_an_older_version_are_put_in_force_anew(postgres, database, version):
    """By whoever owns the ledger; a member is told to wait for them."""
    ServerStore(place_of(database), 10, steps=STEPS[:version]).close()
    with connected(database) as owner:
        owner.execute("CREATE TABLE login (role TEXT PRIMARY KEY, host TEXT NOT NULL, holder TEXT NOT NULL)")
        name = login_of(database, ANA)
        for sql in (f"CREATE ROLE {name} LOGIN", "GRANT SELECT ON ledger_version TO PUBLIC"):
            owner.execute(sql)
        with pytest.raises(LedgerUnusable, match="let its owner open it once"):
            Ledger(member_url(database, ANA))
        Ledger(database).close()
        triggers = owner.execute("SELECT tgname FROM pg_trigger WHERE tgname = 'asksage_is_whole'").fetchall()
    assert len(triggers) == 5


def test_a_member_books_under_codes_and_the_database_works_out_the_same_hash(team, database):
    codes = {"job": 'a "job"', "tags": '{"wbs":"ä\\n😀"}', "client": "null"}
    with closing(Ledger(member_url(database, ANA))) as mine:
        for some in ({}, codes, {"job": "x"}, {"tags": "{}"}, {"client": "\x7f"}):
            call = a_call(5, mine._clock, **some)
            mine.hold(ANA, call, due=mine._clock() + HOUR)
            mine.settle(call.op, a_bill(5))


def test_a_member_has_envelopes_of_their_own(team, database):
    envelopes = [Envelope("project", "apollo", 100), Envelope("job", "labels", 30, Per.ALL)]
    with closing(Ledger(member_url(database, ANA))) as mine:
        for billed in (10, 25):
            call = a_call(20, mine._clock)
            mine.hold(ANA, call, due=mine._clock() + HOUR, within=envelopes[: 2 if billed == 10 else 1])
            mine.settle(call.op, a_bill(billed))
        call = a_call(20, mine._clock)
        mine.hold(ANA, call, due=mine._clock() + HOUR, within=envelopes)
        mine.void(call.op)
        mine.hold(
            ANA, a_call(20, mine._clock), due=mine._clock() + HOUR, within=[replace(envelopes[1], tokens=40)]
        )
        with pytest.raises(OverEnvelope):
            mine.hold(ANA, a_call(66, mine._clock), due=mine._clock() + HOUR, within=envelopes[:1])
        assert mine.verify().problems == ()


def test_an_envelope_is_ones_own_and_touches_nobody_elses_call(ana, ben, team, of_ben):
    name = f"envelope:{ANAS}:project:x"
    theirs = ACCOUNT + " (%s, %s, 'inference', 'UTC')"
    refused(ana, lambda m: m.run(theirs, HOST, f"envelope:{BENS}:project:x"), psycopg.Error)
    with ana.move():
        ana.run(theirs, HOST, name)
        values = "INSERT INTO grant_ (account_id, source, starts, ends) VALUES (%s, 'envelope:all', 0, %s)"
        ana.run(values, ana.account(name), now() + MONTH)
        about = (HOST, name, "inference", "envelope:all", 0, None)
        made = ana.run("SELECT id, ends FROM grant_ WHERE source = 'envelope:all'")[0]
        ana.entry(made[0], "envelope:all", "grant", 500, about=(*about[:-1], made[1]))
    refused(ana, lambda m: m.entry(made[0], of_ben, "hold", 100), psycopg.Error)
    refused(ana, lambda m: m.entry(made[0], of_ben, "settle", 0), psycopg.Error)
    refused(ana, lambda m: m.entry(made[0], "a-gift", "correct", -5), psycopg.Error)
    refused(ben, lambda m: m.run(theirs, HOST, f"envelope:{ANAS}:project:y"), psycopg.Error)
    refused(
        ana,
        lambda m: m.run("INSERT INTO plan VALUES (%s, 1, %s, 5, 'me')", m.account(name), period_at(now())),
    )
    team.ledger.settle(of_ben, a_bill(100))


@pytest.mark.parametrize(
    ("held", "settled", "is_whole"), [(20, 15, True), (25, 15, False), (20, 14, False), (20, None, False)]
)
def test_an_envelope_books_what_its_owner_does(ana, team, database, held, settled, is_whole):
    with closing(Ledger(member_url(database, ANA))) as mine:
        call = a_call(10, mine._clock)
        mine.hold(ANA, call, due=mine._clock() + HOUR, within=[Envelope("job", "labels", 90, Per.ALL)])
        mine.settle(call.op, a_bill(10))
    made, due = ana.grant(f"envelope:{ANAS}:job:labels", "envelope:all"), now() + HOUR

    def spend_by_hand(member):
        op = member.hold(ANAS, POOL, 20, due=due)
        member.entry(made, op, "hold", held, due=due)
        member.settle(ANAS, POOL, op, 20, 15)
        if settled is not None:
            member.entry(made, op, "settle", settled, released=held)

    if is_whole:
        with ana.move():
            spend_by_hand(ana)
    else:
        refused(ana, spend_by_hand)


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("ALTER TABLE entry DISABLE TRIGGER ALL", "entry"),
        ("DROP TRIGGER asksage_is_whole ON bill", "bill"),
        ("ALTER TABLE call DISABLE ROW LEVEL SECURITY", "call"),
        ("DROP POLICY asksage_adds ON grant_", "grant_"),
    ],
)
def test_rules_that_were_switched_off_are_told_and_put_in_force_anew(team, postgres, database, sql, table):
    postgres.execute(sql, make_url(database).database)
    [told] = team.ledger.verify().problems
    assert told.startswith(f"the rules of {table} are not all in force (")
    assert told.endswith("asksage-jupyter team init")
    team.ledger.install_roles()
    assert team.ledger.verify().ok


def test_rules_that_change_come_with_a_step():
    """Else they reach new ledgers alone: append a step to both lists, and write this anew."""
    rules = repr((LOGIN, WHO, CHECKS, TRIGGERS, ASKED, SEES, ADDS, COLUMNS)).encode()
    assert (len(STEPS), hashlib.sha256(rules).hexdigest()[:12]) == (12, "4193aba07b06")


def test_an_account_of_ones_own_is_made_on_the_other_meter(team, database):
    with closing(Ledger(member_url(database, ANA))) as mine:
        mine.set_plan(ANA, Meter.TRAINING, 80, source="me")
        mine.hold(ANA, call := a_call(10, mine._clock, meter=Meter.TRAINING), due=now() + HOUR)
        mine.settle(call.op, a_bill(90))
        mine.correct(ANA, Meter.TRAINING, -70, op="counter")  # their own affair
        assert figures(mine, ANA, Meter.TRAINING) == (80, 20, 0)
