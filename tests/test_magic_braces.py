"""{name} in a cell's text: the user's variables, and nothing else."""

import json
import math

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asksage_jupyter.errors import BadInput
from asksage_jupyter.magic.braces import expand


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


def test_a_table_comes_as_its_text():
    table = pandas.DataFrame({"city": ["Lisbon"], "n": [3]})
    assert expand("{table}", {"table": table}) == str(table)


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
