"""Which row of the log is whose, among very many: nothing is looked at again for each of the others."""

import random
from operator import attrgetter

import pytest

from asksage_jupyter.account import Meter
from asksage_jupyter.reconciling import hanging, sent
from asksage_jupyter.reconciling.matching import match
from asksage_jupyter.reconciling.rows import REACH, SKEW, shelved
from asksage_jupyter.reconciling.sent import Sent
from asksage_jupyter.service import LogRow

SECOND = 1_000_000


def asked(n, t, **also):
    return Sent(f"op-{n}", t, Meter.INFERENCE, also.pop("model", "m"), 60, **also)


def row(n, t, tokens=60, model="m"):
    return LogRow(n, t, model, tokens, tokens, tokens)


@pytest.fixture
def looks(monkeypatch):
    """How often figures were compared."""
    counted, agree = [], sent._agree

    def counting(ours, theirs):
        counted.append(1)
        return agree(ours, theirs)

    monkeypatch.setattr(sent, "_agree", counting)
    return counted


@pytest.mark.parametrize("is_known", [False, True])
def test_many_that_look_alike_are_matched_without_comparing_all_with_all(looks, is_known):
    """A table's rows, asked side by side."""
    chance, many = random.Random(1), 4_000
    times = [chance.randrange(300 * SECOND) for _ in range(many)]
    known = {"figures": (60, 60, 60), "is_exact": True, "wanted": False} if is_known else {}
    calls = [asked(n, t, **known) for n, t in enumerate(times)]
    rows = [row(n, t + SECOND) for n, t in enumerate(times)]
    calls.append(asked("open", times[0]))
    rows.append(row(many, times[0] + 2 * SECOND))
    found = match(calls, rows)
    assert len(found.rows) == (1 if is_known else many + 1)
    assert len(looks) < 10 * many


def test_what_differs_anywhere_in_what_hangs_together_is_ambiguous(looks):
    times = range(0, 3_000 * SECOND, SECOND)
    found = match(
        map(asked, *zip(*enumerate(times), strict=True)), [row(n, t, 60 + n) for n, t in enumerate(times)]
    )
    assert not found.rows
    assert len(found.candidates["op-0"]) == 301
    assert not looks


def test_of_rows_that_tell_the_same_the_calls_of_fewest_models_choose_first():
    calls = [asked(0, 0, also=frozenset({"n"})), asked(1, SECOND)]
    found = match(calls, [row(0, 2 * SECOND), row(1, 3 * SECOND, model="n")])
    assert {op: each.id for op, each in found.rows.items()} == {"op-0": 1, "op-1": 0}


def test_a_known_call_takes_the_row_nearest_to_it():
    known = asked(0, 100 * SECOND, figures=(60, None, None), is_exact=True, wanted=False)
    found = match(
        [known, asked(1, 0)], [row(0, 90 * SECOND), row(1, 104 * SECOND), LogRow(2, 111 * SECOND, "m", 60)]
    )
    assert found.rows == {}
    assert [each.id for each in found.candidates["op-1"]] == [0, 2]


@pytest.mark.parametrize("known", [(None, None), (9, None), (9, 7)], ids=str)
def test_many_whose_bills_differ_are_joined_without_comparing_all_with_all(looks, monkeypatch, known):
    """A notebook's prompts, short and long, asked side by side, with estimates that rule some rows out."""
    joins, join = [], hanging._Joined.join
    monkeypatch.setattr(hanging._Joined, "join", lambda *told: joins.append(1) or join(*told))
    chance, many = random.Random(2), 2_000
    times = [chance.randrange(300 * SECOND) for _ in range(many)]
    calls = [
        Sent(f"op-{n}", t, Meter.INFERENCE, "m", chance.randrange(1, 400), (None, *known))
        for n, t in enumerate(times)
    ]
    rows = [LogRow(n, t + SECOND, "m", chance.randrange(1, 9_000), 9, 7) for n, t in enumerate(times)]
    found = match(calls, rows)
    assert not found.rows
    assert all(found.candidates[call.op] for call in calls[:9])
    assert len(looks) + len(joins) < 60 * many  # some for each halving of the rows


def by_looking_at_all(calls, rows):
    """The same parts, found by comparing each with each."""
    above = {}

    def first(one):
        while one in above:
            one = above[one]
        return one

    for call in calls:
        for row in rows:
            in_time = call.sent_at - SKEW <= row.sent_at <= call.sent_at + REACH
            if in_time and row.model in call.models and call.may_be(row) and first(call.op) != first(row.id):
                above[first(call.op)] = first(row.id)
    return {
        frozenset(each for each in (*(c.op for c in calls), *(r.id for r in rows)) if first(each) == one)
        for one in map(first, (r.id for r in rows))
    }


@pytest.mark.parametrize("seed", range(40))
def test_what_hangs_together_is_what_looking_at_all_finds(seed):
    chance = random.Random(seed)

    def figure(most):
        return chance.choice([None, chance.randrange(1, most)])

    calls = [
        Sent(
            f"op-{n}",
            chance.randrange(900 * SECOND),
            Meter.INFERENCE,
            chance.choice("mn"),
            chance.choice([1, 5, 40, 900]),
            (None, figure(3), figure(3)),
        )
        for n in range(chance.randrange(1, 12))
    ]
    rows = [
        LogRow(
            n,
            chance.randrange(1_200 * SECOND),
            chance.choice("mn"),
            chance.randrange(1, 2_000),
            figure(3),
            figure(3),
        )
        for n in range(chance.randrange(1, 25))
    ]
    found = hanging.together(calls, shelved(rows, attrgetter("teach", "model")))
    parts = {
        frozenset([*(call.op for call in members), *(row.id for row in theirs)]) for members, theirs in found
    }
    assert parts == {
        part for part in by_looking_at_all(calls, rows) if any(isinstance(one, str) for one in part)
    }
