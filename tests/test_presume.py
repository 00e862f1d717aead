"""Calls past due: booked once, by whoever comes first, and never in the place of what another booked."""

from contextlib import closing

import pytest
from late_desk import PEOPLE, opened, stress
from ledger_desk import HOUR, Clock, a_bill, a_call, figures

from asksage_jupyter.account import Account
from asksage_jupyter.ledger import Ledger

pytest_plugins = ["postgres_server"]

ANA, BEN, CLEO, DAN, EVE = PEOPLE


def hold(ledger, person, tokens, *, due_in):
    call = a_call(tokens, ledger._clock)
    ledger.hold(person, call, due=ledger._clock() + due_in)
    return call.op


@pytest.fixture
def late(where):
    """Two ledgers on one place, with calls of several accounts past due; the second one's clock is later."""
    clock, later = Clock(), Clock()
    opened(where).close()
    with closing(Ledger(where, clock=clock)) as first, closing(Ledger(where, clock=later)) as second:
        later.t += 2 * HOUR
        yield first, second
        assert second.verify().problems == ()


def meanwhile(ledger, do):
    """Between the finding of what is late and the turn in which it is booked, another is faster."""
    write = ledger._store.write

    def overtaken(*arguments, **options):
        ledger._store.write = write
        do()
        return write(*arguments, **options)

    ledger._store.write = overtaken


def test_what_was_settled_meanwhile_is_not_presumed(late):
    first, second = late
    of_ana, of_eve = hold(first, ANA, 100, due_in=HOUR), hold(first, EVE, 40, due_in=HOUR)
    open_still = hold(first, EVE, 100, due_in=9 * HOUR)
    meanwhile(second, lambda: first.settle(of_eve, a_bill(5)))
    assert second.presume() == 1
    assert figures(second, EVE)[1:] == (5, 100)
    assert figures(second, ANA)[1:] == (100, 0)
    second.settle(open_still, a_bill(7))
    second.settle(of_ana, a_bill(90))
    assert (figures(second, EVE)[1:], figures(second, ANA)[1:]) == ((12, 0), (90, 0))


def test_what_was_presumed_meanwhile_is_presumed_once(late, where):
    first, second = late
    hold(first, ANA, 100, due_in=HOUR)
    hold(first, BEN, 10, due_in=HOUR)
    meanwhile(second, lambda: Ledger(where, clock=second._clock).close())
    assert second.presume() == 0
    assert (figures(second, ANA)[1:], figures(second, BEN)[1:]) == ((100, 0), (10, 0))


def test_what_became_late_meanwhile_waits_for_its_own_turn(late):
    first, second = late
    hold(first, ANA, 100, due_in=HOUR)
    meanwhile(second, lambda: hold(first, EVE, 40, due_in=HOUR))
    assert second.presume() == 1
    assert figures(second, EVE)[1:] == (0, 40)
    assert second.presume() == 1


def test_whose_holds_are_presumed_may_be_told(late):
    first, second = late
    for person in (ANA, EVE):
        hold(first, person, 10, due_in=HOUR)
        hold(first, person, 1, due_in=3 * HOUR)
    assert second.presume(EVE) == 1
    assert second.presume(Account("other.example", ANA.holder)) == 0
    assert (figures(second, ANA)[1:], figures(second, EVE)[1:]) == ((0, 11), (10, 1))
    assert second.presume() == 1


def test_many_that_are_late_at_once_are_all_booked(late):
    first, second = late
    for number in range(203):  # more than one transaction takes
        hold(first, PEOPLE[number % 5], 1, due_in=HOUR)
    assert second.presume() == 203
    assert sum(figures(second, person)[1] for person in PEOPLE) == 203


@pytest.mark.long
def test_many_who_settle_and_presume_at_once_book_each_call_once(where):
    assert stress(str(where), 60)[0] == 60 * len(PEOPLE)


def test_what_became_of_each_call_is_told(late):
    first, second = late
    held = hold(first, ANA, 10, due_in=9 * HOUR)
    settled, voided = hold(first, ANA, 10, due_in=9 * HOUR), hold(first, EVE, 10, due_in=9 * HOUR)
    presumed, freed, told = (hold(first, EVE, 10, due_in=HOUR) for _ in range(3))
    first.settle(settled, a_bill(12))
    first.void(voided)
    second.presume()
    second.void(freed)
    second.settle(told, a_bill(10))
    asked = [held, settled, voided, presumed, freed, told, "never held"]
    expected = ["held", "settled", "voided", "presumed", "voided", "settled"]
    assert second.fates(asked) == dict(zip(asked, expected, strict=False))
