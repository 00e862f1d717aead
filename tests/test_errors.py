"""The error tree: each of its errors reaches another process as it was, and is one line where it is shown."""

import copy
import inspect
import multiprocessing
import pickle
from datetime import UTC, datetime
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patience import WAIT_S

import asksage_jupyter.cli
import asksage_jupyter.session.comparing.lane
import asksage_jupyter.usage_log.accessor  # noqa: F401
from asksage_jupyter import errors
from asksage_jupyter.errors import AskSageError, BadInput, Interrupted, NotEnoughTokens


def tree(kind=AskSageError):
    yield kind
    for each in kind.__subclasses__():
        yield from tree(each)


@st.composite
def made(draw, kind):
    """An error of `kind`, from any values that it takes."""
    if not inspect.isfunction(kind.__init__):  # Exception's own, or another's
        return kind(draw(st.text()))
    kinds, args, named = get_type_hints(kind.__init__), [], {}
    for name, parameter in list(inspect.signature(kind.__init__).parameters.items())[1:]:
        value = draw(st.text() if kinds[name] is Any else st.from_type(kinds[name]))
        if parameter.kind is parameter.KEYWORD_ONLY:
            named[name] = value
        else:
            args.append(value)
    return kind(*args, **named)


@pytest.mark.parametrize("kind", list(tree()), ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_error_is_pickled_and_copied_as_it_is(kind, data):
    error = data.draw(made(kind))
    error.add_note("beside it")
    for again in (*(pickle.loads(pickle.dumps(error, n)) for n in (4, 5)), copy.copy(error)):
        assert type(again) is kind
        # By their reprs, for a number that is none equals not even itself.
        assert repr((str(again), again.args, again.__dict__)) == repr(
            (str(error), error.args, error.__dict__)
        )


def test_the_tree_is_the_one_that_is_drawn():
    for kind in tree():
        if kind.__module__ == errors.__name__:
            assert kind.__name__ in errors.__doc__.split()


def refused(_):
    raise NotEnoughTokens("inference", 5, 3, datetime(2026, 12, 1, tzinfo=UTC), short="the pool lab")


@pytest.mark.long
def test_a_pool_of_processes_hears_of_an_error_at_once():
    words = "5 needed, the pool lab has 3 left"
    with (
        multiprocessing.get_context("spawn").Pool(1) as pool,
        pytest.raises(NotEnoughTokens, match=words) as told,
    ):
        pool.map_async(refused, [1]).get(timeout=WAIT_S)
    assert told.value.needed == 5


def test_a_stop_carries_its_reply_along():
    again = pickle.loads(pickle.dumps(Interrupted({"text": "half"}, "stopped.")))
    assert again.reply == {"text": "half"}
    assert isinstance(pickle.loads(pickle.dumps(BadInput("no"))), BadInput)


def test_a_long_message_breaks_between_its_words_and_an_option_stays_whole():
    words = "there is no option --colour; allowed are --format, --output, --no-stream, --system, --max-tokens"
    (told,) = BadInput(f"{words}, --temperature")._render_traceback_()
    lines = told.split("\n")
    assert " ".join(lines) == f"\x1b[1mBadInput\x1b[22m: {words}, --temperature"
    assert max(map(len, lines)) <= 76 + len("\x1b[1m\x1b[22m")
    assert all(line.strip(" ,;").split()[-1].isascii() and not line.endswith("-") for line in lines)


def test_a_message_that_has_lines_keeps_them():
    (told,) = BadInput("one\n  two\n\nthree")._render_traceback_()
    assert told.partition(": ")[2] == "one\n  two\n\nthree"
