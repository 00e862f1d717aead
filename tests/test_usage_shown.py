"""The usage log as it shows itself: what a person looks for, in their time; as data it is what it was."""

import json
import pickle
from datetime import UTC, datetime

import pandas
import pytest
from tenant import MODEL

import asksage_jupyter as sage
from asksage_jupyter.session import current
from asksage_jupyter.session.origins import origin
from asksage_jupyter.settings import AskSage
from asksage_jupyter.usage_log.calls import Calls


@pytest.fixture
def log(server, tmp_path, monkeypatch):
    """Two calls of a cell, in an account of New York."""
    notebook = tmp_path / "a.ipynb"
    notebook.write_text(json.dumps({"cells": [{"id": "c1", "source": "Name one ocean"}]}))
    monkeypatch.setattr(origin, "notebook", lambda folder: str(notebook))
    monkeypatch.setattr(origin, "cell", lambda: "c1")
    AskSage.instance().zone = "America/New_York"
    for _ in range(2):
        sage.ask("Why?")
    return sage.usage()


def lines_of(log, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    return str(log).splitlines()


def test_a_narrow_terminal_sees_time_model_and_tokens_and_no_id(log, monkeypatch):
    head, _, first, *_, note = lines_of(log, 80, monkeypatch)
    assert {"time", "model", "tokens", "cell"} <= set(head.split())
    assert {MODEL, "63"} <= set(first.split())
    assert "Cell 1 · Name one ocean" in first
    assert not any(op in str(log) for op in log.op)
    assert max(map(len, lines_of(log, 80, monkeypatch))) <= 80
    assert note.startswith("2 calls · 19 columns, ")


def test_times_are_those_of_the_account_and_utc_as_data(log, monkeypatch):
    local = log.sent_at.iloc[0].tz_convert("America/New_York")
    assert lines_of(log, 80, monkeypatch)[2].startswith(f"{local:%Y-%m-%d %H:%M}")
    assert str(log).endswith("times of America/New_York")
    assert str(log.sent_at.dtype) == "datetime64[us, UTC]"


def test_a_page_has_every_column_that_holds_anything_in_their_order(log):
    html = log._repr_html_()
    heads = [head.rpartition(">")[2] for head in html.split("</th>")[:-1]]
    assert heads[:6] == ["time", "model", "notebook", "cell", "tokens", "estimate"]
    assert "project" not in heads and "op" not in heads
    assert "a.ipynb" in html and "Cell 1 · Name one ocean" in html


def test_what_is_made_of_it_is_a_plain_frame_with_all_there_is(log):
    for made in (log.copy(), log[log.tokens > 0], log.head(1), log[["tokens"]], log.sort_values("tokens")):
        assert type(made) is pandas.DataFrame
    assert log.groupby("cell", observed=True).tokens.sum().to_dict() == {"c1": 126}
    assert str(pickle.loads(pickle.dumps(log))) == str(log)


def test_a_long_log_shows_its_first_and_its_last_calls(log):
    long = pandas.concat([pandas.DataFrame(log)] * 500, ignore_index=True)
    shown = str(Calls.of(long, "UTC", current().ledger.folder)).splitlines()
    assert len(shown) == 2 + 5 + 1 + 15 + 2
    assert "1,000 calls" in shown[-1]


def test_one_that_was_changed_in_place_or_is_empty_shows_itself_too(log):
    log["twice"] = log.tokens * 2
    assert "126" in log._repr_html_()
    del log["sent_at"]
    assert "126" in str(log) and "126" in log._repr_html_()
    nothing = sage.usage(until=datetime(2020, 1, 1, tzinfo=UTC))
    assert "0 calls" in str(nothing) and "0 calls" in nothing._repr_html_()
