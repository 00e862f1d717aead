"""What a front end asks a kernel while a prompt is written: figures of what it holds, and nothing is run."""

from types import SimpleNamespace

import numpy
import pandas
import pytest
from comm.base_comm import CommManager
from tenant import MODEL, OTHER, questions

from asksage_jupyter.errors import AskSageError, BadInput
from asksage_jupyter.magic.writing.counting import TARGET, CountingComm, counted_of, footing_here
from asksage_jupyter.prompting.counted import Counted, count_of
from asksage_jupyter.prompting.footing import Footing
from asksage_jupyter.prompting.values import text_of
from asksage_jupyter.tokens import count


class Loud:
    """Whoever makes a text of it is heard."""

    def __str__(self):
        raise AssertionError("its own code was run")

    __repr__ = __str__


class Louder(str):
    __slots__ = ()
    __str__ = Loud.__str__


TABLE = pandas.DataFrame({"port": ["Brest", None], "m": [6.1, 7.25]}, index=["a", "b"])


@pytest.fixture
def asking(shell, server):
    """A kernel's shell with the magics, and a tenant that answers."""
    return shell


def counted(shell, line, body="", **variables):
    shell.user_ns.update(variables)
    return Counted.read(counted_of(shell, f"%%asksage {line}\n{body}"))


def footing(shell):
    return Footing.read(footing_here())


def test_what_lines_said_is_told_and_without_any_no_ledger_is_opened(asking, tmp_path):
    assert footing(asking) == Footing((), MODEL)
    assert not list(tmp_path.glob("*.db"))
    asking.run_line_magic("asksage", "envelope notebook tides 500 --soft")
    asking.run_line_magic("asksage", "envelope project sea 700 --per run")
    told = [(each.words, each.left, each.is_soft) for each in footing(asking).bounds]
    assert told == [
        ("the envelope of the notebook tides", 500, True),
        ("the envelope of the project sea in this run", 700, False),
    ]
    asking.run_line_magic("asksage", "envelope end notebook")
    asking.run_line_magic("asksage", "envelope end project")
    assert footing(asking).bounds == ()


def test_a_kept_reply_is_found_with_what_stands_in_the_variables(asking):
    assert not counted(asking, "--replay", "Why is the {sea} salt?", sea="Baltic").is_kept
    asking.run_cell_magic("asksage", "--replay", "Why is the {sea} salt?")
    assert counted(asking, "--replay", "Why is the {sea} salt?").is_kept
    assert not counted(asking, "", "Why is the {sea} salt?").is_kept
    assert not counted(asking, "--replay --fresh", "Why is the {sea} salt?").is_kept
    assert not counted(asking, "--replay", "Why is the {sea} salt?", sea="North").is_kept
    assert not counted(asking, "--replay", "Why is the {sea} salt?", sea=Loud()).is_kept


@pytest.mark.parametrize(
    "value",
    [
        "the sea",
        5,
        2.5,
        True,
        None,
        numpy.float64(1.5),
        TABLE,
        TABLE.port,
        TABLE.astype({"port": "category"}),
    ],
)
def test_text_numbers_and_tables_are_counted_as_they_are_sent(value):
    assert count_of(value) == count(text_of("x", value))


@pytest.mark.parametrize(
    "value",
    [
        Loud(),
        Louder("x"),
        [Loud()],
        pandas.Series([Loud()]),
        pandas.DataFrame({"a": pandas.Series([Louder("x")], dtype=object)}),
        pandas.Series([1], index=[Loud()]),
        range(3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_code_of_a_values_own_is_run(value):
    assert count_of(value).endswith("--estimate counts it")


def test_what_would_take_long_is_left_to_the_estimate():
    assert "too large" in count_of("x" * 10_000_001)
    assert "--estimate" in count_of(pandas.DataFrame({"a": range(1_000_001)}))


def test_variables_are_told_by_how_they_are_written(asking):
    told = counted(asking, MODEL, "{sea} {table} {loud} {absent} {sea}", sea="salt", table=TABLE, loud=Loud())
    assert told.parts == {"{sea}": {"prompt": 1}, "{table}": {"prompt": count(TABLE.to_csv())}}
    assert told.as_is == ("{absent}",)
    assert list(told.left) == ["{loud}"]


def test_exchanges_and_a_file_are_counted_where_the_kernel_is(asking, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("the sea is salt")
    asking.run_cell_magic("asksage", MODEL, "Why is the sky blue?")
    told = counted(asking, "--history 2 --file a.txt -d maps")
    assert told.parts["history 2"] == {"history": count("Why is the sky blue?") + count("The sky is blue.")}
    assert told.parts["file a.txt"] == {"file": count("the sea is salt")}
    with pytest.raises(BadInput):
        counted(asking, "--file b.txt")


def test_a_tables_rows_are_planned_as_its_estimate_has_it(asking, server):
    line = "--map ports --schema float"
    told = counted(asking, line, "How high at {port}, in {unit}?", ports=TABLE, unit="m")
    asking.run_cell_magic("asksage", f"{line} --estimate", "How high at {port}, in {unit}?")
    from asksage_jupyter import map

    plan = map(TABLE, "How high at {port}, in {unit}?", schema=float, estimate=True, variables={"unit": "m"})
    assert told.plan == (plan.low, plan.expected, plan.high)
    assert told.planned == "1 call for 2 rows"
    assert counted(asking, "--map ports", "{value}", ports=[Loud()]).plan is None
    with pytest.raises(BadInput, match="no variable 'sands'"):
        counted(asking, "--map sands", "{value}")
    assert questions(server) == []


def test_a_plugin_is_priced_as_its_estimate_has_it(asking, server):
    from asksage_jupyter.session import current
    from asksage_jupyter.session.asking.plugins import price_plugin

    told = counted(asking, "--plugin maps place={where}", "as seen by {whom}", where="Brest", whom="Ada")
    values = {"place": "Brest", "": "as seen by Ada"}
    price = price_plugin(current(), "maps", values, MODEL)
    assert told.plan == (price.low, price.expected, price.high)
    assert "plugin" not in " ".join(request.path for request in server.requests)
    assert counted(asking, "--plugin maps", "{loud}", loud=Loud()).plan is None


class Comm:
    """A front end's, as a kernel sees it."""

    def __init__(self):
        self.sent, self.is_closed = [], False

    def send(self, data):
        self.sent.append(data)

    def close(self):
        self.is_closed = True


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (f"%%asksage {OTHER}\n{{sea}}", "counted"),
        ("a = 1", "counted"),
        ("%%asksage --estimat\n{sea}", "refused"),
        (None, "footing"),
    ],
)
def test_whoever_asks_is_told_once(asking, source, told):
    manager = CommManager()
    counting = CountingComm(
        SimpleNamespace(user_ns={}, user_ns_hidden={}, kernel=SimpleNamespace(comm_manager=manager))
    )
    comm = Comm()
    data = {} if source is None else {"source": source}
    manager.targets[TARGET](comm, {"content": {"data": data}})
    assert ([list(each) for each in comm.sent], comm.is_closed) == ([[told]], True)
    assert [sign.target_name for sign in manager.comms.values()] == [TARGET]
    counting.close()
    assert manager.targets == manager.comms == {}


def test_what_was_counted_comes_over_a_wire_as_it_is():
    told = Counted({"{a}": {"prompt": 3}}, ("{b}",), {"{c}": "is large"}, (1, 2, 3), "2 calls")
    assert Counted.read(told.plain()) == told
    with pytest.raises(AskSageError):
        Counted.read({**told.plain(), "plan": [1, "2", 3]})
