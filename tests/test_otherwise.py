"""``--else``: another model where the first is refused before it is sent, and never silently."""

import pytest
from tenant import MODEL, OTHER, drops_after, questions, says

import asksage_jupyter as sage
from asksage_jupyter.errors import BadInput, NeedsConfirmation, NotEnoughTokens, OverLimit, ReplyLost
from asksage_jupyter.session import current
from asksage_jupyter.session.asking import confirming
from asksage_jupyter.settings import AskSage


@pytest.fixture(autouse=True)
def nobody_answers():
    yield
    confirming.answer_by(None)


@pytest.fixture
def dear(server):
    """The first model costs ten times what the other does, and the month has room for the other alone."""
    models = [
        {"id": MODEL, "token_conversion_rate": {"prompt": 2.0, "completion": 8.0}},
        {"id": OTHER, "token_conversion_rate": {"prompt": 0.02, "completion": 0.08}},
    ]
    server.on("/server/get-models", {"response": models, "status": 200})
    says(server, "Blue.", provenance={"model": OTHER})
    has(server, 1_500)
    return server


def has(server, tokens):
    """Let the account have so many tokens, and none of them used."""
    told = {"response": {"max_tokens": tokens, "max_train_tokens": 0}, "status": 200}
    server.on("/user/validate_token_with_full_user", told)
    server.on("/server/count-monthly-tokens", {"response": 0, "status": 200})
    server.on("/server/count-monthly-tokens-left-with-org", {"response": tokens, "status": 200})


def asked(server):
    return [request.json["model"] for request in questions(server)]


def test_the_other_is_asked_where_the_month_cannot_pay_the_first(dear):
    reply = sage.ask("Why?", otherwise=OTHER)
    assert asked(dear) == [OTHER]
    assert reply.model == OTHER
    assert f"instead of {MODEL} (" in reply.receipt
    assert "needed" in reply.receipt
    assert sage.balance().inference.held == 0


def test_the_first_is_asked_where_it_can_be_paid(dear):
    has(dear, 100_000)
    says(dear, "Blue.")
    reply = sage.ask("Why?", otherwise=OTHER)
    assert asked(dear) == [MODEL]
    assert "instead of" not in reply.receipt


def test_a_limit_of_ones_own_counts_too(dear):
    has(dear, 100_000)
    reply = sage.ask("Why?", otherwise=OTHER, max_tokens=200)
    assert asked(dear) == [OTHER]
    assert "above the limit of 200" in reply.receipt
    with pytest.raises(OverLimit):
        sage.ask("Why?", otherwise=OTHER, max_tokens=1)


@pytest.mark.parametrize("says_yes", [True, False])
def test_a_price_to_be_confirmed_is_the_firsts_and_no_refusal(dear, says_yes):
    has(dear, 100_000)
    says(dear, "Blue.")
    AskSage.instance().confirm_above = "100"
    expected, questions_put = sage.estimate("Why?").expected, []
    confirming.answer_by(lambda question: questions_put.append(question) or says_yes)
    if says_yes:
        sage.ask("Why?", otherwise=OTHER)
    else:
        with pytest.raises(NeedsConfirmation):
            sage.ask("Why?", otherwise=OTHER)
    (question,) = questions_put
    assert f"About {expected:,} tokens" in question
    assert asked(dear) == [MODEL] * says_yes
    assert sage.balance().inference.held == 0


def test_the_other_is_asked_where_the_first_was_confirmed_and_then_refused(dear):
    AskSage.instance().confirm_above = "100"
    confirming.answer_by(lambda question: True)
    sage.ask("Why?", otherwise=OTHER)
    assert asked(dear) == [OTHER]


def test_where_neither_can_be_paid_nothing_is_sent(dear):
    has(dear, 2)
    with pytest.raises(NotEnoughTokens):
        sage.ask("Why?", otherwise=OTHER)
    assert asked(dear) == []


def test_a_reply_that_breaks_off_is_not_asked_of_another(dear):
    has(dear, 100_000)
    drops_after(dear, "The sky")
    with pytest.raises(ReplyLost):
        sage.ask("Why?", otherwise=OTHER, on_text=lambda text: None)
    assert asked(dear) == [MODEL]


def test_another_that_is_not_offered_is_told_at_once(dear):
    has(dear, 100_000)
    with pytest.raises(BadInput, match="no model 'nova'"):
        sage.ask("Why?", otherwise="nova")
    assert asked(dear) == []


def test_a_cell_says_it_with_else(dear, shell, capsys):
    shell.run_cell_magic("asksage", f"{MODEL} --else {OTHER} --no-stream", "Why?")
    assert asked(dear) == [OTHER]
    assert f"instead of {MODEL}" in capsys.readouterr().out


def test_an_estimate_prices_both(dear, shell, capsys):
    shell.run_cell_magic("asksage", f"{MODEL} --else {OTHER} --estimate", "Why?")
    told = capsys.readouterr().out
    assert f"{MODEL}: about" in told
    assert f"{OTHER}: about" in told
    with pytest.raises(BadInput, match="no model 'nova'"):
        shell.run_cell_magic("asksage", f"{MODEL} --else nova --estimate", "Why?")
    assert capsys.readouterr().out == ""
    assert asked(dear) == []


@pytest.mark.parametrize("line", [f"--compare {MODEL},{OTHER}", "--plugin weather", "--map df"])
def test_it_belongs_to_one_model(dear, shell, line):
    with pytest.raises(BadInput, match="there is no --else"):
        shell.run_cell_magic("asksage", f"{line} --else {OTHER}", "Why?")
    assert current().balance().inference.held == 0
