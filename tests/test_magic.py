"""The magics in a real IPython, with a real ledger, against a scripted Ask Sage."""

import getpass
import html
import json
import math
import re
import threading
from datetime import UTC, datetime
from types import SimpleNamespace

import pandas
import pytest
from IPython.utils.capture import capture_output
from patience import WAIT_S
from scripted import QUERY, STREAM, Played
from tenant import KEY, MODEL, OTHER, USED, drops_after, questions, says

import asksage_jupyter as sage
from asksage_jupyter import magic, session
from asksage_jupyter.account import Meter, MeterBalance
from asksage_jupyter.commands import COMMANDS, services, spending
from asksage_jupyter.commands.help import help_text, topics
from asksage_jupyter.errors import BadInput, BadKey, ConfigurationError, OverLimit, ReplyLost
from asksage_jupyter.magic.cells import cell
from asksage_jupyter.magic.showing import publishing
from asksage_jupyter.magic.showing.fences import fenced, first_block
from asksage_jupyter.magic.showing.screen import Screen, Terminal
from asksage_jupyter.magic.writing import completion
from asksage_jupyter.prompting import cell_parser
from asksage_jupyter.settings import AskSage

CODE = "Here:\n\n```python\nfor x in y:\n    print(x)\n```\nand\n```\nmore\n```"


def ran(shell, text):
    """The outputs of a cell, and the error it ended with."""
    with capture_output() as captured:
        result = shell.run_cell(text)
    assert "Traceback" not in captured.stdout + captured.stderr
    return [output.data for output in captured.outputs], result.error_in_exec or result.error_before_exec


def plain(outputs):
    return "\n".join(output["text/plain"] for output in outputs)


def sent(server):
    return questions(server)[-1].json


# -- the cell ----------------------------------------------------------------------------------------


def test_a_cell_is_sent_shown_and_followed_by_its_receipt(shell, server):
    outputs, error = ran(shell, "%%asksage\nWhy is the sky blue?")
    assert error is None
    reply, receipt = outputs
    assert reply == {"text/markdown": "The sky is blue.", "text/plain": "The sky is blue."}
    assert receipt["text/plain"] == f"{MODEL} · 63 tokens (billed) · {200_000 - USED - 63:,} of 200,000 left"
    assert receipt["text/plain"] in re.sub("<[^>]*>", "", receipt["text/html"])
    assert sent(server)["message"] == "Why is the sky blue?"


def test_the_options_of_the_line_reach_the_service(shell, server, tmp_path):
    (tmp_path / "notes.txt").write_text("notes")
    ran(
        shell,
        f'%%asksage {OTHER} -s "Answer $HOME {{x}}" -p 7 -d user_1 --live 2 -t 0.5 --reasoning low\n{{x}}',
    )
    asked = sent(server)
    assert (asked["model"], asked["system_prompt"], asked["persona"]) == (OTHER, "Answer $HOME {x}", 7)
    assert (asked["dataset"], asked["live"], asked["temperature"]) == ("user_1", 2, 0.5)
    assert asked["reasoning_effort"] == "low"


def test_defined_names_are_put_in_and_other_braces_are_not(shell, server):
    shell.user_ns["city"] = "Lisbon"
    ran(shell, '%%asksage\nWhere is {city}? Not {"like": {this}}, {{city}} or {unknown}.')
    assert sent(server)["message"] == 'Where is Lisbon? Not {"like": {this}}, {{city}} or {unknown}.'


CALLER = """
def priced(text):
    {body}
text = "short"
"""


@pytest.mark.parametrize(
    "body",
    [
        "get_ipython().run_cell_magic('asksage', '', 'Say {text}')",
        "[get_ipython().run_cell_magic('asksage', '', 'Say {text}') for text in [text]]",
    ],
)
def test_the_variables_of_the_calling_function_are_found(shell, server, body):
    _, error = ran(shell, CALLER.replace("{body}", body) + "priced('of the function')")
    assert error is None
    assert sent(server)["message"] == "Say of the function"
    ran(shell, "%%asksage\nSay {text}")
    assert sent(server)["message"] == "Say short"


def test_an_estimate_within_a_function_counts_its_variables(shell, server):
    body = "    %asksage estimate Say {text}"
    long, short = (
        plain(ran(shell, f"def priced(text):\n{body}\npriced({text!r})")[0])
        for text in ("word " * 2_000, "word")
    )
    prompts = [float(re.search(r"prompt ([\d.]+)", text)[1]) for text in (short, long)]
    assert prompts[1] > 100 * prompts[0]


RATES = {"prompt": 0.1, "completion": 0.4}
LEFT = "[{typo} is no variable: sent as it is.]"


@pytest.mark.parametrize("options", ["", "--estimate", f"--compare {MODEL},{OTHER}", "-f json"])
def test_what_is_no_variable_is_told_beside_the_receipt(shell, server, options):
    outputs, _ = ran(shell, f"%%asksage {options}\nSay {{typo}}")
    assert LEFT in plain(outputs)
    assert LEFT in plain(ran(shell, "%asksage estimate Say {typo}")[0])
    assert LEFT not in plain(ran(shell, '%%asksage\nSay {"typo": 1}')[0])


def test_a_variable_without_a_text_is_refused_before_anything_is_paid(shell, server):
    shell.user_ns["rows"] = (n for n in range(3))
    _, error = ran(shell, "%%asksage\nSum {rows}")
    assert isinstance(error, BadInput)
    assert not questions(server)


def test_history_is_sent_again_and_told_in_the_receipt(shell, server):
    ran(shell, "%%asksage\nfirst")
    outputs, _ = ran(shell, "%%asksage --history 5\nsecond")
    assert [turn["message"] for turn in sent(server)["message"]] == ["first", "The sky is blue.", "second"]
    assert "history: about " in plain(outputs)


def test_the_reply_goes_into_the_variable(shell, server):
    outputs, _ = ran(shell, "%%asksage -o answer\nWhy?")
    assert shell.user_ns["answer"] == "The sky is blue."
    assert len(outputs) == 2


def test_json_is_parsed_printed_neatly_and_kept_as_the_value(shell, server):
    says(server, 'Here you are:\n```json\n{"sky": ["blue", 1]}\n```')
    outputs, error = ran(shell, "%%asksage -f json -o sky\nWhy?")
    assert error is None
    assert shell.user_ns["sky"] == {"sky": ["blue", 1]}
    assert outputs[0]["text/plain"] == json.dumps({"sky": ["blue", 1]}, indent=2)
    assert outputs[0]["text/markdown"].startswith("```json\n")
    assert not server.asked(STREAM)


@pytest.mark.parametrize("text", ["It is blue.", "[" * 100_000, "```json\n{\n```"])
def test_a_reply_that_is_not_json_is_shown_kept_and_then_refused(shell, server, text):
    says(server, text)
    outputs, error = ran(shell, "%%asksage -f json -o sky\nWhy?")
    assert isinstance(error, BadInput)
    assert "\n" not in str(error)
    assert "in sky" in str(error)
    assert outputs[0]["text/plain"] == shell.user_ns["sky"] == text
    assert "63 tokens (billed)" in outputs[1]["text/plain"]


@pytest.mark.parametrize("above", ["# a note\n", "\n  # one\n\n# two\n"])
@pytest.mark.parametrize("magic", ["%%asksage", "%%asksage_train notes"])
def test_a_prompt_below_a_comment_is_told_where_it_begins(shell, server, above, magic):
    error = ran(shell, f"{above}{magic}\nWhy is it blue?")[1]
    assert isinstance(error, BadInput)
    assert "take away the comment above it" in str(error)
    assert questions(server) == []
    assert ran(shell, f'{above}x = """\n{magic}\n"""')[1] is None


def test_code_becomes_a_new_cell_and_the_whole_reply_stays_readable(shell, server):
    says(server, CODE)
    outputs, error = ran(shell, "%%asksage -f code -o answer\nA loop")
    assert error is None
    assert shell.rl_next_input == "for x in y:\n    print(x)"
    assert shell.user_ns["answer"] == outputs[0]["text/plain"] == outputs[0]["text/markdown"] == CODE


def test_a_reply_without_code_is_shown_and_said_to_have_none(shell, server):
    shell.rl_next_input = None
    outputs, error = ran(shell, "%%asksage -f code\nA loop")
    assert error is None
    assert shell.rl_next_input is None
    assert outputs[0]["text/markdown"] == "The sky is blue."
    assert "There is no code block in the reply." in outputs[1]["text/html"]


def test_html_is_shown_where_its_scripts_cannot_run(shell, server):
    says(server, '```html\n<p class="a">Blue</p><script>alert(1)</script>\n```')
    outputs, _ = ran(shell, "%%asksage -f html\nWhy?")
    framed = outputs[0]["text/html"]
    assert framed.startswith('<iframe sandbox="allow-popups allow-popups-to-escape-sandbox" ')
    assert "&lt;p class=&#34;a&#34;&gt;Blue" in framed
    assert "<script" not in framed


def test_html_between_other_words_is_shown_with_them(shell, server):
    says(server, "<i>Blue</i>\n```python\nprint(1)\n```")
    outputs, _ = ran(shell, "%%asksage -f html\nWhy?")
    assert "&lt;i&gt;Blue" in outputs[0]["text/html"]


def test_the_setting_gives_the_format_when_the_line_does_not(shell, server):
    ran(shell, "%config AskSage.format = 'text'")
    assert ran(shell, "%%asksage\nWhy?")[0][0] == {"text/plain": "The sky is blue."}
    assert "text/markdown" in ran(shell, "%%asksage -f markdown\nWhy?")[0][0]


def test_without_streaming_the_plain_route_is_asked(shell, server):
    ran(shell, "%%asksage --no-stream\nWhy?")
    assert server.asked(QUERY)
    assert not server.asked(STREAM)


def test_an_estimate_sends_nothing(shell, server):
    outputs, error = ran(shell, "%%asksage --estimate\nWhy?")
    assert error is None
    assert f"{MODEL}: about " in plain(outputs)
    assert not questions(server)


def test_above_the_limit_nothing_is_sent_and_the_cell_fails(shell, server):
    outputs, error = ran(shell, "%%asksage --max-tokens 5\nWhy?")
    assert isinstance(error, OverLimit)
    assert outputs == []
    assert not questions(server)


def test_what_arrived_of_a_lost_reply_is_shown_and_kept(shell, server):
    drops_after(server, "The sky is")
    outputs, error = ran(shell, "%%asksage -o answer\nWhy?")
    assert isinstance(error, ReplyLost)
    assert shell.user_ns["answer"] == outputs[0]["text/plain"] == "The sky is"
    assert len(outputs) == 1  # the error tells the rest


def test_nothing_is_shown_of_a_reply_of_which_nothing_came(shell, server):
    shell.user_ns["answer"] = "of an earlier cell"
    server.on(STREAM, Played(drop_at=-1))
    outputs, error = ran(shell, "%%asksage -o answer\nWhy?")
    assert isinstance(error, ReplyLost)
    assert outputs == []
    assert shell.user_ns["answer"] == ""


def test_a_display_that_fails_never_costs_the_reply(shell, server, monkeypatch):
    def fails(*_, **__):
        raise OSError("no front end")

    monkeypatch.setattr(publishing, "display", fails)
    with (
        capture_output() as captured,
        pytest.warns(UserWarning, match="this could only be printed: no front end"),
    ):
        cell.run(shell, "-o answer", "Why?")
    assert shell.user_ns["answer"] == "The sky is blue."
    assert captured.stdout == "The sky is blue.\nsage-haiku · 63 tokens (billed) · 199,526 of 200,000 left\n"


def test_a_prompt_on_the_line_of_the_magic_is_told_where_it_belongs(shell, server):
    _, error = ran(shell, "%%asksage why is the sky blue\nplease")
    assert "lines below %%asksage" in str(error)


def test_an_empty_cell_is_told_in_a_line(shell, server):
    assert "is empty" in str(ran(shell, "%%asksage\n   \n")[1])
    assert "body is empty" in str(ran(shell, "%%asksage")[1])
    assert not questions(server)


@pytest.mark.parametrize(
    "text", ["%%asksage -h", "%asksage estimate -h", "%%asksage sage-haiku --help\n \n", "%asksage help cell"]
)
def test_help_lists_every_option_and_asks_nobody(shell, server, text):
    outputs, error = ran(shell, text)
    assert error is None
    assert all(name in plain(outputs) for name in cell_parser().names())
    assert not server.requests


def test_a_bad_key_is_told_in_one_line_that_does_not_show_it(shell, server):
    server.on(STREAM, {"response": "Token is invalid [1]", "status": 400})
    outputs, error = ran(shell, "%%asksage\nWhy?")
    assert isinstance(error, BadKey)
    assert len(error._render_traceback_()) == 1
    assert KEY not in str(error) + str(outputs)


# -- the line ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["%asksage", "%asksage balance"])
def test_the_line_alone_shows_the_balance(shell, server, text):
    outputs, _ = ran(shell, text)
    assert "inference: 199,589 of 200,000 left" in plain(outputs)
    assert "text/html" in outputs[0]


def test_usage_reports_the_month_with_totals(shell, server):
    ran(shell, "%%asksage\nWhy?")
    for text in ("%asksage usage", "%asksage usage --by model --since 2000-01-01"):
        outputs, _ = ran(shell, text)
        assert f">{MODEL}</td>" in outputs[0]["text/html"]
        lines = [line.split() for line in plain(outputs).splitlines()]
        assert lines[-1][0] == "total"
        assert lines[-1][-2:] == ["63", "100.0%"]
    (empty,), _ = ran(shell, "%asksage usage 2000-01 --by day")
    assert empty["text/plain"].endswith("2000-01\n\nNo calls.")


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        ("November", "is not a month"),
        ("2026-10 2026-11", "takes one word at most, not '2026-10 2026-11': %asksage usage [2026-11]"),
        ("2026-10 --period 2026-11", "one month is enough"),
        ("2026-10 --since 2026-10-05", "not both"),
        ("--by notebok", "did you mean notebook"),
    ],
)
def test_usage_says_what_it_takes(shell, rest, told):
    assert told in str(ran(shell, f"%asksage usage {rest}")[1])


def test_usage_is_divided_by_what_a_report_is():
    from asksage_jupyter.usage_log.report import BY

    assert spending.BY == BY


def test_models_lists_those_that_match(shell, server):
    outputs, _ = ran(shell, "%asksage models")
    assert f"{MODEL}          Sage    yes       0.1 / 0.4" in plain(outputs)
    assert "2 of 2 models" in plain(outputs)
    outputs, _ = ran(shell, "%asksage models NOVA")
    assert f">{OTHER}</" in outputs[0]["text/html"]
    assert "1 of 2 models" in plain(outputs)
    assert "%asksage models lists all" in str(ran(shell, "%asksage models gemini")[1])


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("%asksage estimate Why is the sky blue?", MODEL),
        ('%asksage estimate "Why is the sky blue"', MODEL),
        (f"%asksage estimate {OTHER} Why is the sky {{colour}}? ", OTHER),
        ("# first\n%asksage estimate don't-ask why?\nx = 1", MODEL),
        ("%asksage estimate --live 1 Why?", MODEL),
    ],
)
def test_an_estimate_takes_a_model_options_and_a_question(shell, server, text, model):
    shell.user_ns["colour"] = "blue"
    outputs, error = ran(shell, text)
    assert error is None
    assert plain(outputs).startswith(f"{model}: about ")
    assert ("web search" in plain(outputs)) == ("--live" in text)
    assert not questions(server)


def test_a_word_that_only_looks_like_a_model_belongs_to_the_text(shell, server):
    outputs, _ = ran(shell, "%asksage estimate GPT-9 is what?")
    assert plain(outputs).startswith(f"{MODEL}: about ")


@pytest.mark.parametrize("word", ["haiku", "HAIKU-latest", "auto"])
def test_an_estimates_model_may_be_any_name_that_a_cell_takes(shell, server, word):
    listed = {"id": OTHER, "aliases": ["haiku", "HAIKU-latest"], "token_conversion_rate": RATES}
    server.on("/server/get-models", {"response": [listed], "status": 200})
    of_line, _ = ran(shell, f"%asksage estimate {word} Why?")
    of_cell, _ = ran(shell, f"%%asksage {word} --estimate\nWhy?")
    assert plain(of_line) == plain(of_cell)
    assert plain(of_line).startswith(f"{'auto' if word == 'auto' else OTHER}: about ")


@pytest.mark.parametrize("text", ["Why not?", "why? Because"])
def test_a_word_that_is_no_name_asks_the_service_nothing(shell, server, text):
    ran(shell, f"%asksage estimate {MODEL} Why?")
    asked = len(server.requests)
    ran(shell, f"%asksage estimate {text}")
    assert len(server.requests) == asked


def test_an_estimate_of_nothing_says_how_it_is_written(shell, server):
    outputs, error = ran(shell, "%asksage estimate")
    assert error is None
    assert "estimate [MODEL] [options] TEXT" in plain(outputs)


def test_the_panel_is_shown(shell, server):
    outputs, error = ran(shell, "%asksage panel")
    assert error is None
    assert "199,589" in plain(outputs)


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n%asksage estimate Why{}",
        "for n in range(1):\n    %asksage estimate Why {{n}}{}",
        "x = \"it's\"\n%asksage estimate don't{}",
        "%asksage estimate don't panic\n%asksage estimate Why{}",
        "if True:\n    x = 1\n    %asksage estimate Why{}\ny = 2",
        "%%time\n%asksage estimate Why{}",
    ],
)
@pytest.mark.parametrize("mark", ["?", "??", " ?", ""])
def test_a_text_may_end_in_a_question_mark_wherever_it_stands(shell, server, text, mark):
    outputs, error = ran(shell, text.format(mark))
    assert error is None
    assert plain(outputs[-1:]).startswith(f"{MODEL}: about ")


@pytest.mark.parametrize(
    "text",
    ["x = '''\n%asksage estimate a?\n'''", "%%timeit\n%asksage estimate a", "x = (1,\n2)", "%asksage?", "y?"],
)
def test_nothing_else_is_rewritten(shell, text):
    loaded = shell.transform_cell(text)
    magic.unregister(shell)
    assert shell.transform_cell(text) == loaded


def test_a_prompt_behind_one_percent_sign_is_told_where_it_goes(shell, server):
    for text in ("%asksage Why is the sky blue?", "for n in (1,):\n    %asksage Why is it??"):
        assert "write the prompt below a line %%asksage" in str(ran(shell, text)[1])


@pytest.mark.parametrize("name", [*COMMANDS, ""])
@pytest.mark.parametrize("ask", ["--help", "-h"])
def test_every_command_tells_how_it_is_written(shell, server, name, ask):
    outputs, error = ran(shell, f"%asksage {name} {ask}")
    assert error is None
    assert (name or "usage") in plain(outputs)
    assert not server.requests


def test_a_training_cell_tells_how_it_is_written(shell, server):
    for text in ("%%asksage_train --help", "%%asksage_train notes -h\nsome text"):
        outputs, error = ran(shell, text)
        assert error is None
        assert "%%asksage_train NAME" in plain(outputs)
    assert "--by" in plain(ran(shell, "%asksage usage?")[0])
    assert not server.requests


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("How do I use --verbose in pip?", "How do I use --verbose in pip?"),
        ("--live 1 What does rm -f x do", "What does rm -f x do"),
        (f"{OTHER} -t 0.5 What is -h or --help?", "What is -h or --help?"),
        ('"What is --help?" --live 1', "What is --help?"),
    ],
)
def test_an_estimates_text_may_speak_of_options(shell, server, monkeypatch, text, counted):
    asked = []
    monkeypatch.setattr(services, "expand", lambda text, *_: asked.append(text) or text)
    outputs, error = ran(shell, f"%asksage estimate {text}")
    assert error is None
    assert asked == [counted]
    assert ("web search" in plain(outputs)) == ("--live 1" in text)


@pytest.mark.parametrize(
    "name",
    ["list", "print", "get_ipython", "exit", "In", "Out", "_", "__", "_1", "_i", "_ih", "__name__", "open"],
)
def test_no_reply_goes_into_a_name_of_pythons_or_ipythons_own(shell, server, name):
    _, error = ran(shell, f"%%asksage -o {name}\nWhy?")
    assert isinstance(error, BadInput)
    assert "-o/--output" in str(error)
    assert not questions(server)


def test_a_name_that_ipython_hides_is_the_persons_once_they_gave_it_a_value(shell, server):
    shell.user_ns_hidden["plt"] = shell.user_ns["plt"] = object()
    assert "IPython's own" in str(ran(shell, "%%asksage -o plt\nWhy?")[1])
    shell.user_ns["plt"] = 1
    assert ran(shell, "%%asksage -o plt\nWhy?")[1] is None
    shell.user_ns_hidden.pop("plt", None)


def test_an_unknown_subcommand_is_told_in_a_line_with_the_nearest(shell, server):
    _, error = ran(shell, "%asksage balanse")
    assert "did you mean balance?" in str(error)
    assert ", ".join(COMMANDS) in str(error)
    assert "below a line %%asksage" in str(ran(shell, "%asksage Why is the sky blue")[1])
    assert "takes nothing after it" in str(ran(shell, "%asksage balance all")[1])


def test_the_version_names_account_and_ledger_without_secrets(shell, server, tmp_path):
    outputs, _ = ran(shell, "%asksage version")
    assert "ada@example.org at localhost" in plain(outputs)
    assert str(tmp_path / "ledger.db") in plain(outputs)
    AskSage.instance().ledger = "postgresql+psycopg://ada:pa/ss@db.example.org/sage?password=word"
    outputs, error = ran(shell, "%asksage version")
    assert error is None
    assert "postgresql+psycopg://db.example.org/sage" in plain(outputs)
    assert "pa/ss" not in plain(outputs)
    assert "word" not in plain(outputs)


def test_the_help_tells_the_system_prompt_that_is_sent_by_default():
    assert " ".join(help_text("cell").split()).count(AskSage.instance().system) == 1


def test_every_topic_has_help_and_every_setting_is_in_it():
    for topic in topics():
        assert help_text(topic)
    told = help_text("settings")
    for name in AskSage.class_own_traits(config=True):
        assert name in told
    assert "ASKSAGE_LEDGER" in told
    assert "ASKSAGE_API_KEY" in told
    with pytest.raises(BadInput, match="did you mean settings"):
        help_text("setings")


@pytest.mark.parametrize("text", ["%asksage help", "%asksage help cell", "%asksage usage --help"])
def test_help_is_a_table_where_there_is_html(shell, server, text):
    (output,), _ = ran(shell, text)
    rows = re.findall(r"<th[^>]*>(.+?)</th><td[^>]*>([^<]+)</td>", output["text/html"])
    told = " ".join(output["text/plain"].split())
    assert len(rows) >= 5
    for written, meaning in rows:
        assert " ".join(html.unescape(meaning).split()) in told, written
    assert output["text/html"].count("word-break:normal") >= 1


def test_a_key_typed_behind_the_magic_is_refused_and_not_repeated(shell, server):
    _, error = ran(shell, "%asksage login sk-1234567890")
    assert "never an argument" in str(error)
    assert "sk-123" not in str(error)
    assert not server.requests


def test_login_asks_without_echo_and_says_where_the_key_is(shell, server, monkeypatch):
    monkeypatch.setattr(getpass, "getpass", lambda prompt: " another-key\n")
    AskSage.instance().email = "joan@example.org"
    outputs, error = ran(shell, "%asksage login")
    assert error is None
    assert "It is kept in " in plain(outputs)
    assert "another-key" not in str(outputs)
    assert session.find_key(AskSage.instance().account)[0].reveal() == "another-key"


def test_login_asks_for_the_email_when_there_is_none_and_keeps_it_if_the_key_is_accepted(
    shell, server, monkeypatch
):
    monkeypatch.setattr("builtins.input", lambda prompt: "Grace@example.org")
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "her-key")
    AskSage.instance().email = ""
    server.on("/user/get-token-with-api-key", {"response": "Token is invalid [1]", "status": 400})
    assert isinstance(ran(shell, "%asksage login")[1], BadKey)
    assert AskSage.instance().email == ""
    server.on("/user/get-token-with-api-key")
    assert ran(shell, "%asksage login")[1] is None
    assert AskSage.instance().email == "Grace@example.org"


@pytest.mark.parametrize("failure", [EOFError, getpass.GetPassWarning("echo")])
def test_login_where_nobody_can_be_asked_names_the_variable(shell, server, monkeypatch, failure):
    def fails(prompt):
        raise failure

    monkeypatch.setattr(getpass, "getpass", fails)
    _, error = ran(shell, "%asksage login")
    assert isinstance(error, ConfigurationError)
    assert "set ASKSAGE_API_KEY" in str(error)


def test_an_empty_key_changes_nothing(shell, server, monkeypatch):
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "  ")
    assert "no key was given" in str(ran(shell, "%asksage login")[1])


# -- the line, assigned ------------------------------------------------------------------------------


def test_an_assigned_line_gives_its_table_as_a_frame_and_shows_nothing(shell, server):
    ran(shell, "%%asksage\nWhy?")
    for by, key in (("model", MODEL), ("day", pandas.Timestamp.now("UTC").normalize().tz_localize(None))):
        outputs, error = ran(shell, f"spent = %asksage usage --by {by}")
        assert (outputs, error) == ([], None)
        frame = shell.user_ns["spent"]
        assert list(frame.columns[:2]) == ["meter", by]
        assert frame[["meter", by, "tokens"]].to_dict("records") == [
            {"meter": "inference", by: key, "tokens": 63}
        ]
    ran(shell, "none = %asksage usage 2000-01")
    assert list(shell.user_ns["none"].columns) == ["meter", "model", *frame.columns[2:]]
    ran(shell, "models = %asksage models")
    assert set(shell.user_ns["models"]["id"]) == {MODEL, OTHER}


def test_an_assigned_line_gives_the_record_or_the_words_of_the_others(shell, server):
    outputs, error = ran(
        shell,
        "for n in (1,):\n    left = %asksage\nversion = %asksage version\n"
        "topped = %asksage top-up 5 --receipt A",
    )
    assert error is None
    assert shell.user_ns["left"].inference.remaining == 200_000 - USED
    assert shell.user_ns["version"].startswith("asksage_jupyter ")
    assert shell.user_ns["topped"].inference.granted == 200_005
    assert plain(outputs).startswith("They count until the month ends")
    assert isinstance(ran(shell, "x = %asksage usag")[1], BadInput)


def test_other_assigned_magics_stay_ipythons(shell):
    _, error = ran(shell, "a = %pwd\nb = %asksage version\nc = %pwd\nasksage = 5\nd = 7 %asksage")
    assert error is None
    assert shell.user_ns["a"] == shell.user_ns["c"]
    assert shell.user_ns["d"] == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("%asksage -o answer", "-o belongs behind %%asksage, not"),
        ("%asksage --max-tokens=50", "--max-tokens belongs behind %%asksage, not"),
        ("%asksage --by notebook", "--by belongs behind %asksage usage, not"),
        ("%asksage --estimate x", "belongs behind %%asksage or %asksage train, not"),
        ("%asksage balance --jsn", "there is no option --jsn; none is allowed here"),
    ],
)
def test_an_option_without_its_command_is_told_where_it_belongs(shell, server, text, told):
    assert told in str(ran(shell, text)[1])
    assert not server.requests


# -- loading -----------------------------------------------------------------------------------------


def traces(shell):
    """All that loading leaves anywhere in IPython."""
    magics = shell.magics_manager
    return [
        *map(list, (shell.configurables, shell.Completer.custom_matchers, shell.input_transformers_cleanup)),
        {name: list(heard) for name, heard in shell.events.callbacks.items()},
        {kind: set(names) for kind, names in magics.magics.items()},
        set(vars(magics.user_magics)),
    ]


def threads_of_ours():
    return {thread for thread in threading.enumerate() if thread.name.startswith("asksage")}


def test_loading_twice_and_unloading_leave_nothing_twice_and_nothing_behind(shell, server):
    ran(shell, "%unload_ext nothing")  # IPython makes these magics when they are first used
    loaded = traces(shell)
    magic.register(shell)
    assert traces(shell) == loaded
    magic.unregister(shell)
    before, threads = traces(shell), threads_of_ours()
    assert "asksage" not in str(before)
    ran(shell, "%load_ext asksage_jupyter")
    assert ran(shell, "%%asksage\nWhy?")[1] is None
    assert traces(shell) != before
    begun = threads_of_ours() - threads
    ran(shell, "%unload_ext asksage_jupyter")
    for now, then in zip(traces(shell), before, strict=True):
        assert now == then
    for thread in begun:
        thread.join(WAIT_S)
        assert not thread.is_alive()
    assert "not found" in str(shell.run_cell("%asksage").error_in_exec)
    magic.unregister(shell)
    magic.register(shell)
    assert "AskSage.model" in str(capture(shell, "%config AskSage"))


def test_what_goes_along_with_a_session_joins_one_that_was_there_before(shell, server):
    magic.unregister(shell)
    already = session.current()
    magic.register(shell)
    assert session.current() is already
    assert len(already.companions) == 2


def capture(shell, text):
    with capture_output() as captured:
        shell.run_cell(text)
    return captured.stdout


# -- completion --------------------------------------------------------------------------------------


def completed(shell, text):
    """What is offered at the mark ``|``: all replace the same fragment."""
    from IPython.core.completer import provisionalcompleter

    at = text.index("|")
    with provisionalcompleter():
        offered = list(shell.Completer.completions(text.replace("|", ""), at))
    return {text[each.start : at] + "->" + each.text for each in offered}


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("%asksage ba|", {"ba->balance"}),
        ("x = 1\n%asksage us|", {"us->usage"}),
        ("%asksage help set|", {"set->settings"}),
        ("%%asksage --for|\nWhy?", {"--for->--format"}),
        ("%%asksage -f j|\nWhy?", {"j->json"}),
        ("%%asksage --format=j|", {"--format=j->--format=json"}),
        ("%%asksage --reasoning |", {"->low", "->medium", "->high"}),
        ("%%asksage --live |", {"->0", "->1", "->2"}),
        ("%%asksage sage|\nWhy?", {f"sage->{MODEL}"}),
        ("%asksage estimate --rea|", {"--rea->--reasoning"}),
        ("%asksage statement --si|", {"--si->--since"}),
        ("%asksage balance --js|", {"--js->--json"}),
    ],
)
def test_tab_offers_what_may_stand_there(shell, server, text, offered):
    assert completed(shell, text) == offered
    assert not server.requests


def test_a_command_tells_its_figures_as_json(shell, server):
    def told(line):
        with capture_output() as captured:
            shell.run_cell(line)
        return json.loads(captured.stdout)

    assert told("%asksage balance --json")["inference"]["meter"] == "inference"
    assert told("%asksage usage --json --all")["title"].endswith("all time")
    assert "table" not in told("%asksage models --json")  # which is how they are shown
    assert told("%asksage estimate --json What is --json?")["model"] == MODEL
    _, error = ran(shell, '%asksage request --reason "as --json tells"')
    assert "say how many" in str(error)


def test_tab_offers_the_models_once_they_are_known(shell, server):
    assert f"aws-nova-lite-v1:->{OTHER}" not in completed(shell, "%%asksage aws-nova-lite-v1:|")
    ran(shell, "%asksage models")
    assert completed(shell, "%%asksage aws-nova-lite-v1:|") == {f"aws-nova-lite-v1:->{OTHER}"}
    assert completed(shell, "%%asksage --estimate |") == {f"->{MODEL}", f"->{OTHER}"}


def test_tab_tells_what_each_means(shell, server):
    from IPython.core.completer import provisionalcompleter

    with provisionalcompleter():
        (command,) = shell.Completer.completions("%asksage ba", 11)
        (option,) = shell.Completer.completions("%asksage usage --un", 19)
    assert command.type.startswith("what is left on both meters")
    assert option.type == "through this day, or until this time"


@pytest.mark.parametrize(
    "text", ["%%asksage\n--for|", "ba|", "%%timeit\n%%asksage --for|", "%asksage balance |"]
)
def test_tab_offers_nothing_of_ours_elsewhere(shell, server, text):
    assert not {"--for->--format", "ba->balance", "->balance"} & completed(shell, text)


@pytest.mark.parametrize(
    "text",
    [
        "%%asksage -s i|",
        "%%asksage --max-tokens |",
        "%%asksage gpt i|",
        "%%asksage\nOf i|",
        "%%asksage\nimport o|",
        "%%asksage_train i|",
        "%%asksage_train maps\nOf i|",
        "%asksage usage i|",
        "%asksage nothing i|",
    ],
)
def test_tab_offers_none_of_pythons_words_where_none_can_stand(shell, server, text):
    assert completed(shell, text) == set()


def test_tab_offers_files_and_variables_where_these_stand(shell, server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tides.csv").write_text("a")
    shell.user_ns["tides"] = [1]
    for text in ("%%asksage --file ti|", "%asksage train ti|"):
        assert completed(shell, text) == {"ti->tides.csv"}
    assert completed(shell, "%%asksage --map ti|") == {"ti->tides"}
    assert completed(shell, "%%asksage --schema in|") == {"in->int"}


def test_tab_tells_what_a_model_costs(shell, server):
    shell.run_line_magic("asksage", "models")
    shell.run_cell_magic("asksage", f"{MODEL} --estimate", "Why?")
    AskSage.instance().model = ""
    from IPython.core.completer import provisionalcompleter

    with provisionalcompleter():
        found = {each.text: each.type for each in shell.Completer.completions("%%asksage ", 10)}
    assert re.fullmatch(r"[\d.]+ tokens a model token read, [\d.]+ written", found[MODEL])


def test_a_wrong_setting_does_not_break_tab(shell, monkeypatch):
    monkeypatch.setenv("ASKSAGE_URL", "http://not-loopback.example.org")
    AskSage.instance().model = MODEL
    assert completed(shell, "%%asksage sa|") == {f"sa->{MODEL}"}


@pytest.fixture
def variables(shell):
    made = {"city": "Lisbon", "cities_of_it": [], "math": math, "_city": "", "cited": len}
    shell.user_ns.update(made)
    yield
    for name in made:
        del shell.user_ns[name]


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("%%asksage\nOf {cit|", {"cit->city", "cit->cities_of_it"}),
        ("%%asksage -m x\nOf\n{city|}", {"city->city"}),
        ('%%asksage\n{"a": {cities_|', {"cities_->cities_of_it"}),
    ],
)
def test_variables_are_completed_in_a_prompt(shell, variables, text, offered):
    assert completed(shell, text) == offered


@pytest.mark.parametrize("line", ["Of {{cit", "Of cit", "{mat", "{_cit", "{cit}", "{city."])
def test_only_plain_variables_behind_an_open_brace_are_completed(shell, variables, line):
    context = SimpleNamespace(full_text=f"%%asksage\n{line}", text_until_cursor=line, cursor_line=1)
    assert completion.complete(context)["completions"] == []


# -- parts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "block"),
    [
        (CODE, "for x in y:\n    print(x)"),
        ("~~~\na\n~~~", "a"),
        ("````md\n```\nb\n```\n````", "```\nb\n```"),
        ("1. so:\n   ```py\n   if a:\n       b\n   ```", "if a:\n    b"),
        ("```python\ncut off", "cut off"),
        ("```\n\n```", ""),
        ("no `code` and ```inline``` only", None),
        ("", None),
    ],
)
def test_the_first_code_block_is_found(text, block):
    assert first_block(text) == block


@pytest.mark.parametrize("text", ["a", "```\nb\n```", "`````"])
def test_a_fence_is_longer_than_those_inside(text):
    assert first_block(fenced(text, "json")) == text


def test_the_screen_is_replaced_ten_times_a_second_at_most_and_always_at_the_end(shell):
    now = [0.0]
    screen = Screen("text", clock=lambda: now[0])
    with capture_output() as captured:
        for n in range(200):
            now[0] = n / 100
            screen("x" * n)
        screen.finish("whole")
    shown = captured.outputs
    assert [output.update for output in shown] == [False] + [True] * (len(shown) - 1)
    assert 20 <= len(shown) <= 21
    assert shown[-1].data == {"text/plain": "whole"}


def test_who_cannot_replace_sees_the_reply_once(shell):
    screen = Screen("markdown", live=False)
    with capture_output() as captured:
        screen("The")
        screen.finish("The sky")
    assert [output.data["text/plain"] for output in captured.outputs] == ["The sky"]


def test_a_terminal_is_written_on_as_the_reply_comes_and_steered_by_nothing(capsys):
    screen, seen = Terminal(), []
    for text in ("The", "The \x1b[3", "The \x1b[31msky", "The \x1b[31msky is"):
        screen(text)
        seen.append(capsys.readouterr().out)
    screen.finish("The \x1b[31msky is blue.")
    assert [*seen, capsys.readouterr().out] == ["The", " ", "sky", " is", " blue.\n"]


def test_a_terminal_gets_the_whole_where_it_does_not_go_on_as_it_began(shell, capsys):
    screen = Terminal()
    screen("One")
    screen.finish("Another.")
    assert capsys.readouterr().out == "One\nAnother.\n"


def test_a_terminal_shows_a_reply_with_its_receipt_and_a_log_does_not(shell, server):
    reply = sage.ask("Why?", model=MODEL)
    data, _ = shell.display_formatter.format(reply)
    assert data["text/plain"] == f"{reply.text}\n\n[{reply.receipt}]"
    assert reply.text not in repr(reply)


def test_what_is_spent_beyond_the_grant_is_no_negative_rest():
    over = MeterBalance(Meter.INFERENCE, 200_000, 201_453, 0, "me", None, datetime(2026, 12, 1, tzinfo=UTC))
    assert str(over) == "inference: 1,453 over 200,000 (201,453 used)"
    assert over.left_words("tokens") == "1,453 tokens over 200,000"
