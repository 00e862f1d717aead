"""{name} in a cell's text: the user's variables, and nothing else."""

import functools
import io
import json
import math
import sys

import numpy
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asksage_jupyter.errors import BadInput
from asksage_jupyter.prompting import expand, unfilled


class Clumsy:
    def __str__(self):
        raise RuntimeError("the value's own words")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("in {city}.", "in Lisbon."),
        ("{city}{n}", "Lisbon3"),
        ("{größe}", "groß"),
        ('{"city": {city}}', '{"city": Lisbon}'),
        ("f({n})", "f(3)"),
    ],
)
def test_a_defined_name_becomes_its_value(text, told):
    assert expand(text, {"city": "Lisbon", "n": 3, "größe": "groß"}) == told


@pytest.mark.parametrize(
    "text",
    [
        "{unknown}", "{{city}}", "{{{city}}}", "{city!r}", "{city:>10}", "{city.name}", "{city[0]}",
        "{ city }", "{}", "{0}", '{"city": null}', "def f(): return {city: 1}", "\\frac{1}{2}", "${city",
        "city}",         "{_private}", "{math}", "{function}", "{Class}", "{In}",
    ],
)  # fmt: skip
def test_every_other_brace_stays_as_it_is(text):
    cells = ["IPython's own"]
    user_ns = {
        "city": "Lisbon",
        "_private": 1,
        "math": math,
        "function": math.sqrt,
        "Class": dict,
        "In": cells,
    }
    assert expand(text, user_ns, {"In": cells}) == text


def test_a_hidden_name_counts_once_the_person_gave_it_a_value():
    assert expand("{open}", {"open": 8}, {"open": open}) == "8"


def test_what_a_value_says_is_not_expanded_again():
    assert expand("{a}", {"a": "{b}", "b": "no"}) == "{b}"


TABLE = pandas.DataFrame({f"c{n}": [n * 1000 + row + 1 / 3 for row in range(300)] for n in range(40)})
NUMBERS = numpy.arange(5000) / 7


def test_a_table_is_sent_whole_as_csv():
    sent = expand("{t}", {"t": TABLE})
    pandas.testing.assert_frame_equal(pandas.read_csv(io.StringIO(sent), index_col=0), TABLE)


@pytest.mark.parametrize("column", [TABLE["c7"], TABLE.set_index("c7").index])
def test_a_column_is_sent_whole(column):
    sent = expand("{c}", {"c": column})
    assert [float(line.rpartition(",")[2]) for line in sent.splitlines()[1:]] == column.tolist()


@pytest.mark.parametrize("numbers", [NUMBERS, NUMBERS.reshape(50, 100), pandas.array(NUMBERS)])
def test_an_array_is_sent_with_all_its_numbers(numbers):
    sent = expand("{a}", {"a": numbers})
    assert list(map(float, sent.replace("[", " ").replace("]", " ").split())) == list(NUMBERS)


@pytest.mark.parametrize("make", [list, dict, tuple])
def test_tables_and_arrays_within_others_are_whole_too(make):
    pairs = [("table", TABLE), ("array", NUMBERS), ("column", TABLE["c0"])]
    sent = expand("{x}", {"x": make(pairs)})
    assert "..." not in sent
    assert sent.count("\n") >= 600
    assert str(NUMBERS[2500]) in sent


def test_a_cell_of_a_table_is_whole():
    sent = expand("{t}", {"t": pandas.DataFrame({"text": ["word " * 100], "array": [NUMBERS]})})
    assert "word " * 100 in sent
    assert "..." not in sent


def test_bytes_are_sent_as_the_text_they_are():
    assert expand("{b}", {"b": "größe".encode()}) == "größe"


@pytest.mark.parametrize(
    "value",
    [
        (n for n in range(3)), map(str, [1]), object(), functools.partial(print), [object()], {"a": iter([])},
        memoryview(b"a"), io.StringIO("a"), sys.stdin, TABLE.groupby("c0"), b"\xff", [lambda: 1],
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_has_no_text_is_refused_in_a_line(value):
    with pytest.raises(BadInput, match=r"^\{x\} .*\. Nothing was sent\.$") as told:
        expand("{x}", {"x": value})
    assert "0x" not in str(told.value)


class I:  # noqa: E742  a name before which no article fits
    pass


@pytest.mark.parametrize(
    ("value", "kind"), [(math, "a module"), (len, "a function"), (lambda: 1, "a function"), (I, "a class")]
)
def test_a_name_that_is_no_variable_is_told_as_what_it_is(value, kind):
    assert unfilled("{f}", {"f": value}) == f"{{f}} is {kind}: sent as it is."


def test_what_has_no_text_is_told_by_its_type():
    with pytest.raises(BadInput, match=r"^\{x\} has no text of its own, its type is I: make a str"):
        expand("{x}", {"x": I()})


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("A {typo} B", "{typo}"), ("{city.upper()}", "{city.upper()}"), ("{x[0]}", "{x[0]}"),
        ("{Out[3]}", "{Out[3]}"), ("{Err[2]}", "{Err[2]}"), ("{len(city)}", "{len(city)}"),
        ("{n:.2f}", "{n:.2f}"), ("{n + 1}", "{n + 1}"), ("{ city }", "{ city }"), ("{city!r}", "{city!r}"),
        ('{"city": {typo}}', "{typo}"), ("{In}", "{In}"),
    ],
)  # fmt: skip
def test_what_looks_like_a_variable_and_is_none_is_told(text, left):
    known = {"city": "Lisbon", "n": 3, "math": math, "In": []}
    assert unfilled(text, known, {"In": known["In"]}) == f"{left} is no variable: sent as it is."
    assert left in expand(text, known, {"In": known["In"]})


@pytest.mark.parametrize(
    "text",
    [
        "{city}", '{"a": 1, "b": {"c": [1]}}', "{{city}}", "{}", "{0}", "{'a'}", "{1, 2}", "{city, n}",
        r"\frac{a}{b} x^{n} x_{i} ${HOME}", "a { color: red; }", "{city: 1}", "{return}", "if (x) { y(); }",
    ],
)  # fmt: skip
def test_json_code_and_formulas_are_no_noise(text):
    assert unfilled(text, {"city": "Lisbon", "n": 3}) is None


def test_many_are_told_in_one_line():
    told = unfilled("{a} {b} {c} {d} {e} {a}", {})
    assert told == "{a}, {b}, {c} and 2 more are no variables with a text: sent as they are."


def test_a_value_that_cannot_be_text_is_told_in_a_line_without_its_words():
    with pytest.raises(BadInput, match=r"^\{x\} cannot be made into text \(RuntimeError\)") as told:
        expand("{x}", {"x": Clumsy()})
    assert told.value.__cause__ is None
    assert "own words" not in str(told.value)


@given(st.text() | st.text(alphabet="{}abc_\"': \n0"))
def test_text_without_a_defined_name_is_unchanged(text):
    assert expand(text, {"zzz": 1}) == text


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
def test_json_passes_untouched(value):
    text = json.dumps(value, indent=1)
    assert expand(text, {"a": "A"}) == text.replace("{a}", "A")
