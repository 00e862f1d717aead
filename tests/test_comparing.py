"""One prompt to several models: priced and refused as a whole, sent at once, debited one by one."""

import _thread
import re
import threading
from contextlib import closing
from functools import partial

import pytest
from IPython.utils.capture import capture_output
from ledger_desk import HOUR, PROCESSES, a_call
from patience import WAIT_S
from scripted import STREAM, Played, envelope, pieces
from tenant import MODEL, OTHER, USED, questions
from test_magic_kernel import kernel, kernel_spec, place, shown, started, tenant  # noqa: F401  fixtures

import asksage_jupyter
from asksage_jupyter.account import Account, Source
from asksage_jupyter.errors import BadInput, Interrupted, NotEnoughTokens, OverLimit, ReplyLost, Unavailable
from asksage_jupyter.ledger import Ledger
from asksage_jupyter.month import now
from asksage_jupyter.session import Comparison, compare, current
from asksage_jupyter.session.comparing.columns import ReplyColumn, Stage, as_markdown, as_text
from asksage_jupyter.session.comparing.compare import compared, estimated, queries_for, together
from asksage_jupyter.settings import AskSage

QUERY = "/server/query"
LEFT = "/server/count-monthly-tokens-left-with-org"
BOTH = (MODEL, OTHER)
TOKENS = {MODEL: 63, OTHER: 21}
TEXTS = {MODEL: "The sky is blue.", OTHER: "Rayleigh scattering."}


def whole(model):
    usage = {"model_tokens": {"completion_tokens": 4, "prompt_tokens": 820}, "asksage_tokens": TOKENS[model]}
    return envelope(TEXTS[model], provenance={"model": model}, usage=usage)


def streamed(model):
    return Played(pieces({"message": TEXTS[model][:5]}, whole(model)), framing="chunked")


def plays(server, **by_model):
    """Let each model reply as usual, or as is given under its initial, on both routes."""

    def play(usual, request):
        model = request.json["model"]
        played = by_model.get(model[0], usual)
        return played(model) if callable(played) else played

    server.on(QUERY, partial(play, whole))
    server.on(STREAM, partial(play, streamed))


@pytest.fixture
def models(server):
    plays(server)
    return server


def standing():
    inference = asksage_jupyter.balance().inference
    return inference.used, inference.held


def asked(prompt="Why is the sky blue?", **options):
    return queries_for(current(), prompt, BOTH, options)


def price(prompt="Why is the sky blue?", **options):
    return together(estimated(current(), asked(prompt, **options)))


# -- replies side by side ----------------------------------------------------------------------------


def test_each_reply_is_debited_as_billed_and_listed(models, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "sky.ipynb")
    comparison = compare("Why is the sky blue?", BOTH)
    assert {model: reply.text for model, reply in comparison.replies.items()} == TEXTS
    assert {model: reply.tokens for model, reply in comparison.replies.items()} == TOKENS
    assert (comparison.tokens, comparison.held, comparison.failure) == (84, 0, None)
    assert comparison.balance.inference.remaining == 200_000 - USED - 84
    assert comparison.receipt == f"2 models · 84 tokens · {200_000 - USED - 84:,} of 200,000 left"
    log = asksage_jupyter.usage()
    assert dict(zip(log["model"], log["tokens"], strict=True)) == TOKENS
    assert log["notebook"].tolist() == ["sky.ipynb"] * 2
    assert standing() == (USED + 84, 0)


def test_all_are_sent_before_any_has_replied(models):
    together_there = threading.Barrier(2)

    def play(model):
        together_there.wait(WAIT_S)
        return whole(model)

    plays(models, s=play, a=play)
    assert compare("Why?", BOTH).tokens == 84


def test_both_holds_are_there_before_anything_is_sent(models):
    session, expected = current(), price().expected
    held, seen_by_both = [], threading.Barrier(2)

    def play(model):
        held.append(session.ledger.balance(session.account).inference.held)
        seen_by_both.wait(WAIT_S)
        return whole(model)

    plays(models, s=play, a=play)
    compare("Why is the sky blue?", BOTH)
    assert held == [expected, expected]


def test_the_options_are_the_same_for_all(models):
    compare("Why?", BOTH, system="Be brief.", temperature=0.5, live=1)
    sent = [request.json for request in questions(models)]
    assert {each.pop("model") for each in sent} == set(BOTH)
    assert sent[0] == sent[1]
    assert (sent[0]["system_prompt"], sent[0]["temperature"], sent[0]["live"]) == ("Be brief.", 0.5, 1)


def test_a_comparison_is_no_turn_of_the_history(models):
    asksage_jupyter.ask("first")
    compare("second", BOTH, history=5)
    assert current().history(5) == (("first", TEXTS[MODEL]),)
    for request in questions(models)[-2:]:
        assert [turn["message"] for turn in request.json["message"]] == ["first", TEXTS[MODEL], "second"]


def test_what_was_billed_makes_the_next_estimate_of_each_model(models):
    before = price()
    compare("Why is the sky blue?", BOTH)
    after = price()
    assert before.expected != after.expected
    assert "1 earlier call" in after.basis


# -- refused as a whole ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([MODEL], "at least two"),
        (MODEL, "at least two"),
        ([], "at least two"),
        ([MODEL, OTHER, MODEL], f"'{MODEL}' is named twice"),
        ([MODEL, ""], "name is empty"),
        ([MODEL, "aws-nova-light-v1:0"], f"Near it: {OTHER}"),
    ],
)
def test_other_than_two_models_that_are_offered_is_refused_in_a_line(models, names, words):
    with pytest.raises(BadInput, match=words) as told:
        compare("Why?", names)
    assert "\n" not in str(told.value)
    assert not questions(models)


def test_what_the_month_cannot_pay_for_all_is_sent_to_none(models):
    expected = price().expected
    models.on(LEFT, {"response": expected - 1, "status": 200})
    with pytest.raises(NotEnoughTokens) as refused:
        compare("Why is the sky blue?", BOTH)
    assert (refused.value.needed, refused.value.remaining) == (expected, expected - 1)
    assert not questions(models)
    assert standing()[1] == 0


def test_the_limit_is_for_all_together(models):
    expected = price().expected
    with pytest.raises(OverLimit) as refused:
        compare("Why is the sky blue?", BOTH, max_tokens=expected - 1)
    assert (refused.value.estimate, refused.value.limit) == (expected, expected - 1)
    assert not questions(models)
    assert compare("Why is the sky blue?", BOTH, max_tokens=expected).tokens == 84


class Contended(Ledger):
    """A ledger of which another process takes `tokens` just before its second hold."""

    tokens = holds = 0

    def hold(self, account, call, **how):
        self.holds += 1
        if self.holds == 2:
            other = PROCESSES.Process(
                target=take, args=(self.path, account.host, account.holder, self.tokens)
            )
            other.start()
            other.join()
        super().hold(account, call, **how)


def take(path, host, holder, tokens):
    """Hold tokens of an account, from a process of its own."""
    with closing(Ledger(path)) as ledger:
        ledger.hold(Account(host, holder), a_call(tokens), due=now() + HOUR)


def test_tokens_that_another_process_takes_in_between_refuse_all_and_free_what_was_held(models):
    session = current()
    session.ledger = Contended(AskSage.instance().ledger)
    expected = price().expected
    session.ledger.tokens = session.balance().inference.remaining - expected + 1
    with pytest.raises(NotEnoughTokens) as refused:
        compare("Why is the sky blue?", BOTH)
    assert (refused.value.needed, refused.value.remaining) == (expected, expected - 1)
    assert not questions(models)
    assert standing() == (USED, session.ledger.tokens)


# -- some fail ---------------------------------------------------------------------------------------


def test_a_model_that_refuses_costs_nothing_and_the_other_replies(models):
    current().service._connection._sleep = lambda seconds: None
    plays(models, a=envelope("Sorry, the model is overloaded.", usage=None))
    comparison = compare("Why?", BOTH)
    assert comparison.replies[MODEL].text == TEXTS[MODEL]
    assert isinstance(comparison.replies[OTHER], Unavailable)
    assert (comparison.tokens, comparison.held, comparison.failure) == (63, 0, None)
    assert "overloaded" in str(comparison)
    assert standing() == (USED + 63, 0)


def test_a_reply_that_is_lost_stays_held_with_what_arrived(models):
    part = pieces({"message": "Rayleigh"})
    plays(models, a=Played(part, framing="chunked", drop_at=len(part)))
    comparison = compared(current(), asked(), streamed=True, on_change=lambda columns: None)
    lost = comparison.replies[OTHER]
    assert isinstance(lost, ReplyLost)
    assert lost.text == "Rayleigh"
    assert lost.__traceback__ is None
    assert comparison.held == comparison.estimates[OTHER].expected
    assert f"about {comparison.held:,} more stay held" in comparison.receipt
    assert standing() == (USED + 63, comparison.held)


def test_where_no_model_replies_the_first_error_is_raised(models):
    part = pieces({"message": "Ray"})
    drops = Played(part, framing="chunked", drop_at=-1)
    plays(models, s=drops, a=drops)
    with pytest.raises(ReplyLost, match="stay held"):
        compare("Why?", BOTH)
    assert standing()[1] > 0


def test_a_stop_keeps_what_came_and_ends_at_once_though_a_model_is_silent(models):
    part = pieces({"message": "Rayleigh"})
    plays(models, a=Played(part, framing="chunked", stall_at=len(part)))

    def stop(columns):
        if [column.state for column in columns] == [Stage.DONE, Stage.WRITING]:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"About .* stay held") as stopped:
        compared(current(), asked(), streamed=True, on_change=stop)
    comparison = stopped.value.reply
    assert (comparison.replies[MODEL].text, comparison.replies[MODEL].tokens) == (TEXTS[MODEL], 63)
    other = comparison.replies[OTHER]
    assert (other.text, other.interrupted, other.tokens) == ("Rayleigh", True, None)
    assert comparison.held == other.estimate.expected
    assert standing() == (USED + 63, comparison.held)


class StoppedAt(Ledger):
    """A ledger during whose second hold the person presses stop."""

    holds = 0

    def hold(self, account, call, **how):
        super().hold(account, call, **how)
        self.holds += 1
        if self.holds == 2:
            _thread.interrupt_main()


def test_a_stop_before_all_is_held_sends_nothing_and_frees_what_was(models):
    current().ledger = StoppedAt(AskSage.instance().ledger)
    with pytest.raises(Interrupted, match=r"^nothing was sent\.$") as stopped:
        compare("Why?", BOTH)
    assert (stopped.value.reply.tokens, stopped.value.reply.held) == (0, 0)
    assert "not sent" in str(stopped.value.reply)
    assert not questions(models)
    assert standing() == (USED, 0)


def test_a_display_that_fails_costs_no_reply(models):
    def display(columns):
        raise OSError("no front end")

    with pytest.warns(UserWarning, match="no front end"):
        comparison = compared(current(), asked(), streamed=True, on_change=display)
    assert comparison.tokens == 84


# -- what is shown -----------------------------------------------------------------------------------


def test_columns_are_escaped_and_load_nothing():
    hostile = '<script>alert(1)</script><img src="https://example.org/a.png">![](https://example.org/b.png)'
    page = as_markdown(
        [ReplyColumn("<u>", Stage.DONE, hostile, "<i>told</i>", 5), ReplyColumn("m", Stage.FAILED)]
    )
    for tag in ("<script", "<img", "<u>", "<i>"):
        assert tag not in page
    assert "&lt;script>" in page
    assert "![" not in page


def test_a_compared_reply_stays_within_its_column():
    page = as_markdown([
        ReplyColumn("a", Stage.WRITING, "```python\nx = 1"),
        ReplyColumn("$b`@@0", Stage.DONE, "**bold**", "costs $1\n\nor $2", 5),
    ])  # fmt: skip
    assert "x = 1\n```\n\n</div>\n</section>" in page  # or the next column were code
    assert "\n\n**bold**\n\n</div>\n</section>" in page
    heads = [line for line in page.splitlines() if line.startswith("<section")]
    assert len(heads) == 2
    assert not set("$`@") & set("".join(heads))  # nor begins a formula or code in a name and ends elsewhere


def test_the_cheapest_is_marked_by_a_word_and_the_bars_show_the_ratio():
    columns = [
        ReplyColumn("a", Stage.DONE, "x", "80 tokens", 80),
        ReplyColumn("b", Stage.DONE, "y", "20 tokens", 20),
    ]
    assert as_text(columns) == "a · 80 tokens\n  x\n\nb · 20 tokens · cheapest\n  y"
    page = as_markdown(columns)
    assert page.count("cheapest") == 1
    assert page.index("width:100.00%") < page.index("width:25.00%")


@pytest.mark.parametrize(
    "columns",
    [
        [ReplyColumn("a", Stage.DONE, tokens=7), ReplyColumn("b", Stage.DONE, tokens=7)],
        [
            ReplyColumn("a", Stage.DONE, tokens=7),
            ReplyColumn("b", Stage.DONE, tokens=5),
            ReplyColumn("c", Stage.WRITING),
        ],
        [ReplyColumn("a", Stage.DONE, tokens=7), ReplyColumn("b", Stage.FAILED)],
    ],
)
def test_none_is_the_cheapest_without_a_choice_or_before_the_end(columns):
    assert "cheapest" not in as_text(columns)


def test_the_frame_has_a_row_a_model_and_says_what_is_not_known(models):
    plays(models, a=Played(b"", drop_at=-1))
    frame = compare("Why?", BOTH).to_frame()
    assert frame["model"].tolist() == list(BOTH)
    assert frame.loc[0, ["text", "tokens", "source"]].tolist() == [TEXTS[MODEL], 63, str(Source.BILLED)]
    assert frame.loc[1, ["text", "tokens", "source", "input_tokens"]].isna().all()
    assert "stay held" in frame.loc[1, "error"]
    assert set(map(str, frame.dtypes)) == {"string", "Int64"}
    assert (frame["duration_ms"] >= 0).all()


def test_a_comparison_shows_itself_and_keeps_the_replies_out_of_its_repr(models):
    comparison = compare("Why?", BOTH)
    assert all(text in str(comparison) and text in comparison._repr_markdown_() for text in TEXTS.values())
    assert comparison.receipt in comparison._repr_markdown_()
    assert TEXTS[MODEL] not in repr(comparison)


def test_one_estimate_tells_the_price_of_all_by_model(models):
    of_each = estimated(current(), asked())
    sum_of_all = together(of_each)
    assert sum_of_all.expected == sum(each.expected for each in of_each)
    assert [part.name for part in sum_of_all.parts] == list(BOTH)
    assert not questions(models)


# -- the cell ----------------------------------------------------------------------------------------


def ran(shell, text):
    """The outputs of a cell, and the error it ended with."""
    with capture_output() as captured:
        result = shell.run_cell(text)
    assert "Traceback" not in captured.stdout + captured.stderr
    return [output.data for output in captured.outputs], result.error_in_exec or result.error_before_exec


def test_a_cell_shows_the_replies_side_by_side_and_a_receipt_with_the_total(shell, models):
    shell.user_ns["what"] = "sky"
    outputs, error = ran(shell, f"%%asksage --compare {MODEL},{OTHER} -o both\nWhy is the {{what}} blue?")
    assert error is None
    columns, receipt = outputs
    assert all(text in columns["text/markdown"] and text in columns["text/plain"] for text in TEXTS.values())
    assert f"{OTHER} · 21 tokens (billed)" in columns["text/plain"]
    assert "2 models · 84 tokens" in receipt["text/plain"]
    assert isinstance(shell.user_ns["both"], Comparison)
    assert {request.json["message"] for request in questions(models)} == {"Why is the sky blue?"}


def test_without_streaming_the_plain_route_is_asked(shell, models):
    _, error = ran(shell, f"%%asksage --compare={MODEL},{OTHER} --no-stream\nWhy?")
    assert error is None
    assert len(models.asked(QUERY)) == 2


def test_the_estimate_of_a_cell_is_that_of_all_and_sends_nothing(shell, models):
    outputs, error = ran(shell, f"%%asksage --compare {MODEL},{OTHER} --estimate\nWhy?")
    assert error is None
    assert outputs[0]["text/plain"].startswith(f"{MODEL}, {OTHER}: about ")
    assert not questions(models)


def test_a_cell_above_its_limit_fails_and_sends_nothing(shell, models):
    outputs, error = ran(shell, f"%%asksage --compare {MODEL},{OTHER} --max-tokens 1\nWhy?")
    assert isinstance(error, OverLimit)
    assert not outputs
    assert not questions(models)


def test_a_cell_fails_where_no_model_replied(shell, models):
    plays(models, s=Played(b"", drop_at=-1), a=Played(b"", drop_at=-1))
    outputs, error = ran(shell, f"%%asksage --compare {MODEL},{OTHER}\nWhy?")
    assert isinstance(error, ReplyLost)
    assert "failed" in outputs[0]["text/plain"]
    assert "more stay held" in outputs[1]["text/plain"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"{MODEL} --compare {MODEL},{OTHER}", "stands alone"),
        (f"--compare {MODEL}, {OTHER}", "without blanks"),
        (f"--compare {MODEL},{OTHER} -f json", "no --format"),
        (f"--compare {MODEL},{OTHER} --plugin p", "no --plugin"),
        (f"--compare {MODEL}", "at least two"),
        (f"--compare {MODEL},", "name is empty"),
    ],
)
def test_what_does_not_go_with_a_comparison_is_told_in_a_line(shell, models, line, words):
    _, error = ran(shell, f"%%asksage {line}\nWhy?")
    assert isinstance(error, BadInput)
    assert words in str(error)
    assert not questions(models)


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("%%asksage --compare sa|\nWhy?", {f"sa->{MODEL}"}),
        (f"%%asksage --compare {MODEL},|\nWhy?", {f"{MODEL},->{MODEL},{OTHER}"}),
        (f"%%asksage --compare={MODEL},aws|", {f"--compare={MODEL},aws->--compare={MODEL},{OTHER}"}),
    ],
)
def test_tab_offers_the_models_that_are_not_named_yet(shell, models, text, offered):
    from IPython.core.completer import provisionalcompleter

    ran(shell, "%asksage models")
    at = text.index("|")
    with provisionalcompleter():
        found = list(shell.Completer.completions(text.replace("|", ""), at))
    assert {text[each.start : at] + "->" + each.text for each in found} == offered


# -- real services and kernels -----------------------------------------------------------------------


def test_a_model_that_the_real_demo_does_not_have_is_refused_before_anything_is_sent(at_demo):
    with pytest.raises(BadInput, match="no model 'gpt-5' here"):
        compare("Hello", [AskSage.instance().model, "gpt-5"])
    assert standing()[1] == 0


@pytest.fixture
def notebook(request):
    """A real kernel whose tenant's models reply each with its own words."""
    plays(request.getfixturevalue("tenant"))
    return request.getfixturevalue("kernel")


def test_a_kernel_shows_how_far_each_model_is_and_books_all_on_the_cell(notebook, request):
    reply, outputs = notebook.run(f"%%asksage --compare {MODEL},{OTHER}\nWhy?", cell="cell-7")
    assert reply["status"] == "ok"
    kinds = [kind for kind, _ in outputs]
    assert kinds[0] == kinds[-1] == "display_data"
    assert set(kinds[1:-1]) == {"update_display_data"}
    assert "asking · about" in shown(outputs)[0] and "held" in shown(outputs)[0]
    with closing(Ledger(request.getfixturevalue("place") / "ledger.db")) as ledger:
        calls = ledger.calls(Account("localhost", "ada@example.org"))
    assert ["cell-7" in call for call in calls] == [True, True]


def has_both(kind, content):
    """Whether an output shows one whole reply and the beginning of the other."""
    text = content.get("data", {}).get("text/plain", "")
    return "63 tokens" in text and "Rayleigh" in text


def test_stop_in_a_kernel_shows_what_came_and_fails_the_cell(notebook, request):
    part = pieces({"message": "Rayleigh"})
    plays(request.getfixturevalue("tenant"), a=Played(part, framing="chunked", stall_at=len(part)))
    reply, outputs = notebook.run(
        f"%%asksage --compare {MODEL},{OTHER} -o both\nWhy?",
        stop_when=has_both,
    )
    assert (reply["status"], reply["ename"]) == ("error", "Interrupted")
    assert re.search(r"about \d+ more stay held", shown(outputs)[-1])
    assert len(reply["traceback"]) == 1
    assert notebook.value("[reply.tokens for reply in both.replies.values()]") == "[63, None]"
    assert "Rayleigh" in shown(outputs)[-2]
