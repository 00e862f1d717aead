"""Arguments of any type: what is one of ours is taken, all else is one line, and nothing is held."""

import json
import os
from fractions import Fraction
from pathlib import Path

import numpy
import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tenant import MODEL, OTHER, questions

import asksage_jupyter as sage
from asksage_jupyter import cli
from asksage_jupyter.errors import AskSageError, BadInput
from asksage_jupyter.ledger.stores.place import place_of
from asksage_jupyter.settings import AskSage

FRAME = pandas.DataFrame(
    {
        "persona": [3],
        "live": numpy.array([1], "int8"),
        "heat": numpy.array([0.5], "float32"),
        "text": ["Why?"],
    }
)


def held():
    balance = sage.balance()
    return balance.inference.held, balance.training.held


def test_what_comes_out_of_a_frame_is_what_it_is(server):
    row = FRAME.iloc[0]
    sage.ask(
        numpy.str_(row.text),
        persona=row.persona,
        live=FRAME.live.iloc[0],
        temperature=FRAME.heat.iloc[0],
        max_tokens=numpy.int64(10**6),
        history=numpy.uint8(0),
    )
    (request,) = questions(server)
    fields = json.loads(request.content)
    assert (fields["persona"], fields["live"], fields["temperature"]) == (3, 1, 0.5)
    sage.compare(row.text, numpy.array([MODEL, OTHER]))
    assert held() == (0, 0)


@pytest.mark.parametrize(
    ("prompt", "options", "told"),
    [
        (b"bytes", {}, "the prompt is a text, not a value of type bytes: decode them first"),
        (123, {}, "the prompt is a text, not 123"),
        (None, {}, "the prompt is a text, not None"),
        (pandas.NA, {}, "the prompt is a text, not a value of type NAType"),
        (float("nan"), {}, "the prompt is a text, not nan"),
        ("Why?", {"temperature": "hot"}, "temperature is a number, not 'hot'"),
        ("Why?", {"temperature": float("nan")}, "temperature is a number, not nan"),
        ("Why?", {"persona": float("nan")}, "persona is a whole number, 0 or more, not nan"),
        ("Why?", {"persona": "3"}, "persona is a whole number, 0 or more, not '3'"),
        ("Why?", {"live": True}, "live is a whole number, 0 or more, not True"),
        ("Why?", {"live": 3}, "live is 0"),
        ("Why?", {"history": 1.5}, "history is a whole number"),
        ("Why?", {"system": 7}, "system is a text, not 7"),
        ("Why?", {"dataset": ["a"]}, "dataset is a text, not a value of type list"),
        ("Why?", {"reasoning": 1}, "reasoning is a text, not 1"),
        ("Why?", {"file": 1}, "file is a path, not 1"),
        ("Why?", {"model": 5}, "the model is a text, not 5"),
        ("Why?", {"max_tokens": "9"}, "max_tokens is a whole number, 0 or more, not '9'"),
        ("Why?", {"max_tokens": -1}, "max_tokens is a whole number"),
    ],
)
def test_what_cannot_be_meant_is_one_line_and_nothing_is_held(server, prompt, options, told):
    with pytest.raises(BadInput, match=told) as caught:
        sage.ask(prompt, **options)
    assert "\n" not in str(caught.value)
    if "max_tokens" not in options:
        with pytest.raises(BadInput, match=told):
            sage.estimate(prompt, **options)
    if "model" not in options:
        with pytest.raises(BadInput, match=told):
            sage.compare(prompt, [MODEL, OTHER], **options)
    assert not questions(server)
    assert held() == (0, 0)


def test_a_receipt_is_no_longer_than_any_database_takes(server):
    assert (
        sage.top_up(5, receipt="\U0001f9fe" * 400).inference.granted
        == sage.top_up(5, receipt="\U0001f9fe" * 400).inference.granted
    )
    with pytest.raises(BadInput, match="a receipt is at most 400 characters"):
        sage.top_up(5, receipt="x" * 401)


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.just(object()),
    st.lists(st.integers(), max_size=2),
    st.sampled_from(
        [numpy.int64(1), numpy.float32(0.5), numpy.array([1, 2]), pandas.NA, pandas.NaT, Path("/")]
    ),
)
OPTIONS = (
    "system",
    "persona",
    "dataset",
    "live",
    "temperature",
    "reasoning",
    "history",
    "file",
    "max_tokens",
)


@pytest.mark.long
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    prompt=st.just("Why?") | ANYTHING,
    model=st.just(MODEL) | ANYTHING,
    options=st.dictionaries(st.sampled_from(OPTIONS), ANYTHING, max_size=3),
)
def test_whatever_is_given_is_asked_or_refused_in_a_line(server, prompt, model, options):
    try:
        sage.ask(prompt, model=model, **options)
    except AskSageError as error:
        assert "\n" not in str(error)
    assert held() == (0, 0)


class Odd:
    """Raises at whatever is asked of it."""

    def __index__(self):
        raise ValueError("odd")

    __bool__ = __repr__ = __str__ = __eq__ = __ne__ = __len__ = __float__ = __fspath__ = __index__
    __hash__ = None


def failing():
    """Like a file that ends in the middle."""
    yield "one"
    raise ValueError("odd\nlines")


def odd():
    return [
        None, 5, 10**400, 10**5000, b"x", ["a", 1], pandas.Series(["a", "b"]), numpy.array([1, 2]),
        pandas.NA, pandas.NaT, Odd(), Fraction(10**400), "x" * 4000, "~no-such-user/x", FRAME, failing(),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "give",
    [
        lambda value: sage.ask("Why?", file=value),
        lambda value: sage.ask("Why?", temperature=value),
        lambda value: sage.ask("Why?", persona=value),
        lambda value: sage.ask("Why?", history=value),
        lambda value: sage.train("a text", value, estimate=True),
        lambda value: sage.train("a text", "notes", context=value, estimate=True),
        lambda value: sage.set_plan(value),
        lambda value: sage.set_plan(training=value),
        lambda value: sage.top_up(value, receipt="a"),
        lambda value: sage.top_up(5, value, receipt="a"),
        lambda value: sage.top_up(5, receipt=value),
        lambda value: sage.top_up(5, receipt="a", expires=value),
        lambda value: sage.train(value, "notes", estimate=True),
        lambda value: sage.train([value], "notes", estimate=True),
        lambda value: sage.train("a text", "notes", estimate=value, again=True),
        lambda value: sage.train("a text", "notes", estimate=True, again=value),
        lambda value: sage.compare("Why?", value),
        lambda value: sage.compare("Why?", [MODEL, value]),
        lambda value: sage.ask("Why?", model=value),
        lambda value: sage.ask("Why?", reasoning=value),
        lambda value: sage.ask("Why?", dataset=value),
        lambda value: sage.ask("Why?", replay=value),
        lambda value: sage.booked(tags=value).__enter__(),
        lambda value: sage.map(["a"], "Why? {value}", schema=value, estimate=True),
        lambda value: sage.map(["a"], "Why? {value}", variables=value, estimate=True),
        lambda value: sage.map(["a"], "Why? {value}", escalate=value, estimate=True),
        lambda value: sage.usage(all_holders=value),
        lambda value: sage.reconcile(value),
        lambda value: sage.reconcile(sleep=value),
        lambda value: sage.ask("Why?", on_text=value),
        lambda value: sage.ask("Why?", otherwise=value),
        lambda value: sage.ask("Why?", max_tokens=value),
        lambda value: sage.map(["a"], "Why? {value}", check=value),
        lambda value: sage.map(["a"], value, estimate=True),
        lambda value: sage.notebook_cost(value),
        lambda value: sage.usage_chart(value),
        lambda value: sage.explore(value),
        lambda value: sage.heatmap(value),
        lambda value: sage.top_chart(value),
        lambda value: sage.reconcile(look_back_s=value),
        lambda value: sage.reconcile(running_s=value),
        lambda value: sage.usage(value),
        lambda value: sage.usage(since=value),
        lambda value: sage.usage(until=value),
        lambda value: sage.usage(meter=value),
        lambda value: sage.usage().asksage.by(value),
        lambda value: sage.usage().asksage.savings(value),
        lambda value: sage.statement(value),
        lambda value: sage.pace(value),
        lambda value: sage.usage_chart(period=value),
        lambda value: sage.heatmap(meter=value),
        lambda value: sage.top_chart(by=value),
        lambda value: sage.top_chart(limit=value),
        lambda value: sage.estimate_chart(value),
    ],
)
def test_what_is_odd_or_huge_is_one_line_too(server, give):
    for value in odd():
        kind = type(value).__name__
        try:
            give(value)
        except AskSageError as error:
            assert "\n" not in str(error), kind
            assert len(str(error)) < 500, kind
        except Exception as error:
            raise AssertionError(kind) from error
        assert held() == (0, 0), kind


def test_what_a_map_would_cost_elsewhere_takes_no_oddity(server):
    sage.map(["a"], "Why? {value}")
    for value in odd()[1:]:
        with pytest.raises(BadInput):
            sage.what_if(model=value)
    assert held() == (0, 0)


def test_numpys_yes_and_no_are_taken(server):
    assert sage.train("a text", "notes", estimate=numpy.bool_(True)).training > 0
    assert sage.ask("Why?", replay=numpy.array([True])[0], fresh=numpy.bool_(False)).tokens == 63
    with pytest.raises(BadInput, match="estimate is True or False, not 1"):
        sage.train("a text", "notes", estimate=1)


def test_a_dataset_of_a_name_that_no_database_takes_is_refused(server):
    for name in ("\ud800", "a\0b"):
        with pytest.raises(BadInput, match="cannot be a dataset's name"):
            sage.train("a text", name)
    assert held() == (0, 0)


@pytest.mark.parametrize("path", ["~nobody-of-that-name/a", "a\0b", "", 5, None, b"a"], ids=repr)
def test_what_is_no_path_of_this_machine_is_one_line_wherever_it_is_written_to(server, path):
    log = sage.usage()
    writers = [log.asksage.to_csv, log.asksage.to_parquet, log.asksage.to_focus, sage.usage_chart().save]
    if path is not None:  # without one the text is returned
        writers.append(sage.statement().to_csv)
    for write in writers:
        with pytest.raises(
            BadInput, match=r"is a path, not|a home that is not here: write it whole"
        ) as caught:
            write(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("where", ["~nobody-of-that-name/ledger.db", "a\0b"])
def test_a_ledger_in_no_home_is_told_so(where, monkeypatch):
    with pytest.raises(AskSageError, match="set ASKSAGE_LEDGER to a"):
        place_of(where)
    AskSage.instance(ledger=where)
    with pytest.raises(AskSageError, match="set ASKSAGE_LEDGER to a"):
        sage.balance()


@pytest.mark.skipif(os.name == "nt", reason="a folder in use cannot be deleted there")
@pytest.mark.parametrize("where", ["ledger.db", "sqlite:///ledger.db"])
def test_a_ledger_in_a_folder_that_was_deleted_is_told_so(server, where, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setenv("ASKSAGE_LEDGER", where)
    AskSage.clear_instance()
    with pytest.raises(AskSageError, match="deleted: set ASKSAGE_LEDGER to a whole path"):
        sage.balance()
    monkeypatch.setenv("ASKSAGE_LEDGER", str(tmp_path / "ledger.db"))
    AskSage.clear_instance()
    assert sage.ask("Why is the sea salty?").text  # all else does without it


@pytest.mark.skipif(os.name == "nt", reason="a name of POSIX")
def test_who_has_neither_home_nor_name_is_told_what_helps(server, tmp_path, monkeypatch):
    for name in ("HOME", "XDG_DATA_HOME", "ASKSAGE_LEDGER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    AskSage.clear_instance()
    with pytest.raises(AskSageError, match=r"no home here .*: set ASKSAGE_LEDGER"):
        sage.balance()
    monkeypatch.setenv("ASKSAGE_LEDGER", str(tmp_path / "ledger.db"))
    AskSage.clear_instance()
    assert sage.ask("Why is the sea salty?").text


def test_commands_told_a_home_that_is_not_here_say_so(server, capsys):
    for words in (["usage", "--csv"], ["statement", "--csv"], ["notebook"], ["train", "--dataset", "a"]):
        assert cli.main([*words, "~nobody-of-that-name/a"]) == 1
        assert "a home that is not here: write it whole" in capsys.readouterr().err
