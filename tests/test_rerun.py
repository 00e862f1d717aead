"""What running a notebook again costs: its cells' last bills, and whether the month allows it."""

import json

import pytest
from ledger_desk import HOUR
from tenant import MODEL

import asksage_jupyter as sage
from asksage_jupyter.account import Bill, Call, Meter, Source
from asksage_jupyter.errors import BadInput
from asksage_jupyter.ledger import new_op
from asksage_jupyter.session import current
from asksage_jupyter.session.origins.renames import note


def run(notebook, **cells):
    """A run of these cells, each at its bill."""
    session = current()
    for cell, tokens in cells.items():
        call = Call(
            new_op(), session.clock(), MODEL, Meter.INFERENCE, tokens, notebook=str(notebook), cell=cell
        )
        session.ledger.hold(session.account, call, due=session.clock() + HOUR)
        session.ledger.settle(call.op, Bill(tokens, Source.BILLED))


@pytest.fixture
def notebook(server, tmp_path):
    sage.balance()
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"cells": [{"id": name} for name in ("c1", "c2", "c3")]}))
    return path


def test_each_cell_counts_once_as_it_was_billed_last(notebook):
    run(notebook, c1=100, c2=40)
    run(notebook, c1=200, c2=50)
    run("another.ipynb", c1=1_000)
    cost = sage.notebook_cost(str(notebook))
    assert [(cell.cell, cell.last) for cell in cost.cells] == [("c1", 200), ("c2", 50)]
    assert (cost.last, cost.low, cost.expected, cost.high) == (250, 140, 250, 250)
    assert cost.is_affordable
    assert "about 250 tokens (140 to 250)" in cost.words
    assert cost.table.head[-1] == "between"
    assert "between" not in sage.notebook_cost("another.ipynb").table.head  # of one figure
    assert "The month allows it" in str(cost)
    assert [cell.label for cell in cost.cells] == ["Cell 1", "Cell 2"]
    assert "Cell 2" in str(cost)


def test_a_run_is_all_that_its_cell_asked_at_once_or_in_a_row(notebook):
    session, start = current(), current().clock()

    def asked(cell, *calls):
        for at_ms, tokens, model, duration_ms in calls:
            call = Call(new_op(), start + at_ms * 1_000, model, Meter.INFERENCE, tokens, str(notebook), cell)
            session.ledger.hold(session.account, call, due=start + HOUR)
            session.ledger.settle(call.op, Bill(tokens, Source.BILLED, duration_ms=duration_ms))

    asked("c1", (-90_000, 30, "a-model", 900), (-89_990, 50, "b-model", 700))  # side by side
    asked("c1", (-60_000, 31, "a-model", 900), (-59_990, 52, "b-model", 700))  # a run of its own
    asked("c2", *((-40_000 + 1_000 * at, 7, "a-model", 950) for at in range(5)))  # one by one
    cost = sage.notebook_cost(str(notebook))
    assert [(each.cell, each.model, each.last, each.low, each.high) for each in cost.cells] == [
        ("c1", "a-model, b-model", 83, 80, 83),
        ("c2", "a-model", 35, 35, 35),
    ]


def test_a_month_with_too_little_left_does_not_allow_it(notebook):
    run(notebook, c1=60_000, c2=50_000)
    cost = sage.notebook_cost(str(notebook))
    assert not cost.is_affordable
    assert "does not allow it, with 89,589 left" in cost.words


def test_a_cell_that_was_deleted_does_not_count(notebook):
    run(notebook, c1=100, gone=900)
    assert sage.notebook_cost(str(notebook)).expected == 100
    notebook.unlink()  # where the file cannot be read, all that ran count
    assert sage.notebook_cost(str(notebook)).expected == 1_000


def test_a_notebook_that_was_renamed_keeps_its_cells(notebook):
    run(notebook, c1=100)
    new = notebook.with_name("b.ipynb")
    note(current().ledger.folder, str(notebook), str(new), current().clock())
    notebook.rename(new)
    run(new, c2=50)
    assert {cell.cell for cell in sage.notebook_cost(str(new)).cells} == {"c1", "c2"}


def test_todays_rates_count(notebook):
    sage.ask("Why?")  # so that the model's rates are known
    session = current()
    call = Call(new_op(), session.clock(), MODEL, Meter.INFERENCE, 9, notebook=str(notebook), cell="c1")
    session.ledger.hold(session.account, call, due=session.clock() + HOUR)
    session.ledger.settle(call.op, Bill(9, Source.BILLED, input_tokens=1_000, output_tokens=100))
    rates = session.pricing.rates
    assert sage.notebook_cost(str(notebook)).expected == rates.bill(rates.cached(MODEL), 1_000, 100) > 9


def test_this_notebook_is_meant_where_none_is_named(notebook, shell, capsys, monkeypatch):
    run(notebook, c1=100)
    with pytest.raises(BadInput, match=r"%asksage notebook a\.ipynb"):
        sage.notebook_cost()
    monkeypatch.setattr("asksage_jupyter.session.origins.origin.notebook", lambda folder: str(notebook))
    shell.run_line_magic("asksage", "notebook")
    assert "Running a.ipynb again costs about 100 tokens" in capsys.readouterr().out


def test_a_notebook_without_calls_says_so(notebook):
    assert str(sage.notebook_cost("nothing.ipynb")).startswith("No cell of ")
