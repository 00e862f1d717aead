"""Why a call cost what it did: parts that sum up to the bill, what is measured of them, what is dear."""

from dataclasses import replace

import pytest
from ledger_desk import HOUR
from tenant import MODEL, OTHER, drops_after, says

import asksage_jupyter as sage
from asksage_jupyter import cli
from asksage_jupyter.account import Bill, Call, Meter, Source
from asksage_jupyter.errors import BadInput, ReplyLost
from asksage_jupyter.ledger import new_op
from asksage_jupyter.session import current
from asksage_jupyter.session.asking.looking_back import explained, remember
from asksage_jupyter.session.origins.renames import note


def causes(why):
    return {cause.name: cause for cause in why.causes}


def bill(server, tokens, read=820, written=4):
    usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    says(server, "Blue.", usage={"model_tokens": usage, "asksage_tokens": tokens})


def test_the_parts_of_a_bill_sum_up_to_it(server):
    bill(server, 140)
    why = sage.ask("Why is the sky blue?", persona=5).why
    assert why.tokens == 140
    assert sum(cause.tokens for cause in why.causes) == pytest.approx(140)
    found = causes(why)
    assert found["reply"].is_measured
    assert found["reply"].model_tokens == 4
    assert not found["persona"].is_measured
    # The service measured the whole input and tells no parts.
    assert found["persona"].model_tokens + found["prompt"].model_tokens == pytest.approx(820)
    assert found["persona"].rate == pytest.approx(found["prompt"].rate)


def test_an_input_of_one_part_is_measured(server):
    why = sage.ask("Why?", system="").why
    names = [cause.name for cause in why.causes if cause.is_measured]
    assert "reply" in names


def test_what_could_be_left_out_is_told(server):
    bill(server, 200)
    sage.ask("Why is the sky blue?")
    why = sage.ask("And the sea?", history=1).why
    assert any("--history 0" in words for words in why.instead)
    assert "--history 0" in str(why)


def test_the_command_explains_the_last_call_the_one_before_and_a_cells(server, shell, capsys):
    bill(server, 140)
    sage.ask("first")
    bill(server, 63)
    sage.ask("second")
    shell.run_line_magic("asksage", "why")
    assert "63 tokens (billed)" in capsys.readouterr().out
    shell.run_line_magic("asksage", "why 2")
    assert "140 tokens (billed)" in capsys.readouterr().out
    with pytest.raises(BadInput, match="2 calls"):
        explained(current(), "3")
    with pytest.raises(BadInput, match="no call of a cell"):
        explained(current(), "nowhere")


def test_another_process_explains_what_the_ledger_knows(server, capsys):
    sage.ask("Why?")
    current().replies.clear()
    assert cli.main(["why"]) == 0
    told = capsys.readouterr().out
    assert "what was sent" in told
    assert "820" in told
    assert "63 tokens (billed)" in told


def test_another_model_is_told_beside_a_call_that_only_the_ledger_knows(server):
    models = [
        {"id": name, "token_conversion_rate": {"prompt": prompt, "completion": 4 * prompt}}
        for name, prompt in ((MODEL, 1.0), (OTHER, 0.001))
    ]
    server.on("/server/get-models", {"response": models, "status": 200})
    bill(server, 900)
    sage.ask("Why?")
    current().replies.clear()
    model, tokens = explained(current()).cheaper
    assert model == OTHER
    assert 0 < tokens < 900


def test_a_call_without_a_bill_is_said_to_have_none(server):
    drops_after(server, "The sky")
    server.on("/server/query", {"status": 500})
    with pytest.raises(ReplyLost):
        sage.ask("Why?", on_text=lambda text: None)
    why = explained(current())
    assert why.tokens is None
    assert "not billed yet" in str(why)


def test_a_bill_that_came_later_is_explained_as_the_ledger_has_it(server):
    bill(server, 140)
    reply = sage.ask("Why?")
    remember(current(), replace(reply, tokens=None, source=None))  # as one is kept that was stopped
    why = explained(current())
    assert (why.tokens, why.source) == (140, Source.BILLED)
    assert sum(cause.tokens for cause in why.causes) == pytest.approx(140)


def test_a_number_is_a_place_whatever_the_cells_ids_begin_with(server):
    sage.balance()
    earlier("2f9d10ab", 300)
    earlier("1a2b3c4d", 200)
    earlier("31415926", 100)
    assert [explained(current(), which).tokens for which in ("1", "2", "3")] == [100, 200, 300]
    assert [explained(current(), which).tokens for which in ("31415926", "2f")] == [100, 300]
    with pytest.raises(BadInput, match="3 calls"):
        explained(current(), "4")


def test_a_notebook_that_was_renamed_keeps_what_it_asked_before(in_cell, server, monkeypatch):
    session = current()
    earlier("c1", 90, 100, 120, notebook="/home/ada/a.ipynb")
    note(session.ledger.folder, "/home/ada/a.ipynb", "/home/ada/b.ipynb", session.clock())
    earlier("c1", 7, notebook="/home/ada/a.ipynb")  # another one by now
    monkeypatch.setattr("asksage_jupyter.session.origins.origin.notebook", lambda folder: "/home/ada/b.ipynb")
    assert [explained(session, which).tokens for which in ("1", "3")] == [120, 90]
    bill(server, 900, read=8_000)
    assert "9x its usual 100: " in sage.ask("Why?", dataset="papers").receipt


def test_before_the_first_call_there_is_nothing_to_explain(server):
    with pytest.raises(BadInput, match="no call yet"):
        explained(current())


# -- far above its own median --------------------------------------------------------------------------------


def earlier(cell, *bills, notebook=None):
    """Calls that the cell made before."""
    session = current()
    for tokens in bills:
        call = Call(new_op(), session.clock(), MODEL, Meter.INFERENCE, tokens, notebook, cell)
        session.ledger.hold(session.account, call, due=session.clock() + HOUR)
        session.ledger.settle(call.op, Bill(tokens, Source.BILLED))


@pytest.fixture
def in_cell(server, monkeypatch):
    monkeypatch.setattr("asksage_jupyter.session.origins.origin.cell", lambda: "c1")
    sage.balance()


@pytest.mark.parametrize(
    ("before", "tokens", "is_told"),
    [
        ((90, 100, 120), 900, True),
        ((90, 100, 120), 500, False),  # 5 times is not more than 5 times
        ((90, 100), 900, False),  # too few to have a usual
        ((20, 20, 20), 400, False),  # dear for its cell, and still cheap
    ],
)
def test_one_line_tells_of_a_bill_far_above_the_cells_own(in_cell, server, before, tokens, is_told):
    earlier("c1", *before)
    earlier("another", 1, 1, 1, 1)
    bill(server, tokens, read=8_000)
    reply = sage.ask("Why?", dataset="papers")
    assert ("9x its usual 100: " in reply.receipt) is is_told


def test_a_ledger_that_fails_then_costs_no_reply(in_cell, server, monkeypatch):
    earlier("c1", 100, 100, 100)
    bill(server, 900)
    monkeypatch.setattr(current().ledger, "recent", lambda *args, **how: 1 / 0)
    assert sage.ask("Why?").tokens == 900
