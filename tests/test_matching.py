"""Which row of the log is whose, among very many: nothing is looked at again for each of the others."""

import random

import pytest

from asksage_jupyter.account import Meter
from asksage_jupyter.reconciling import sent
from asksage_jupyter.reconciling.matching import match
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
