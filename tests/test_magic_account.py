"""The magics of plans, datasets and plugins in a real IPython, against a scripted tenant."""

import json

import pytest
from IPython.utils.capture import capture_output
from patience import WAIT_S
from scripted import Played, envelope
from tenant import MODEL, USED

import asksage_jupyter
from asksage_jupyter import session
from asksage_jupyter.commands import COMMANDS
from asksage_jupyter.commands.help import help_text
from asksage_jupyter.errors import BadInput, LedgerConflict, OverLimit, Refused, ReplyLost
from asksage_jupyter.magic.telling.news import News
from asksage_jupyter.prompting import parse_cell
from asksage_jupyter.session.training.sources import price
from asksage_jupyter.settings import AskSage

TRAIN, DATASETS, PLUGIN = "/server/train", "/server/get-datasets", "/server/execute-plugin"
NOTES = "user_custom_81_notes_content"
FOLLOW_UP, REQUEST = "/server/follow-up-questions", "/user/request-tokens"
PLUGINS = [
    {"name": "Summarize", "description": "Sums a text up.", "parameters": ["text"]},
    {"name": "Translate", "description": "Translates a text.", "parameters": ["language", "text"]},
]


@pytest.fixture
def server(server, monkeypatch, tmp_path):
    server.on(DATASETS, {"response": [NOTES], "status": 200})
    server.on(TRAIN, {"embedding": None, "response": "Successfully added", "status": 200})
    server.on("/server/get-plugins", {"response": PLUGINS, "status": 200})
    server.on(PLUGIN, envelope("Short.", usage={"asksage_tokens": 40}, provenance={"model": MODEL}))
    monkeypatch.chdir(tmp_path)
    return server


def ran(shell, text):
    """What a cell showed, and the error it ended with."""
    with capture_output() as captured:
        result = shell.run_cell(text)
    assert "Traceback" not in captured.stdout + captured.stderr
    shown = "\n".join(output.data["text/plain"] for output in captured.outputs)
    return shown, result.error_in_exec or result.error_before_exec


def trained(server):
    return [request.json for request in server.asked(TRAIN)]


def completed(shell, text):
    from IPython.core.completer import provisionalcompleter

    with provisionalcompleter():
        return {each.text for each in shell.Completer.completions(text, len(text))}


# -- training ----------------------------------------------------------------------------------------


def test_a_cell_is_uploaded_as_it_is_and_followed_by_its_receipt(shell, server):
    shell.user_ns["name"] = "Ada"
    shown, error = ran(shell, '%%asksage_train notes --context "page 3"\nKeep {name} and $HOME.\n')
    assert error is None
    (request,) = trained(server)
    assert (request["content"], request["context"]) == ("Keep {name} and $HOME.", "page 3")
    assert request["force_dataset"] == NOTES
    tokens = price(b"Keep {name} and $HOME.")
    assert f"1 piece uploaded · {tokens} training tokens (priced" in shown
    assert f"{100_000 - tokens:,} of 100,000 training tokens left" in shown


def test_files_and_patterns_are_uploaded(shell, server, tmp_path):
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    for name in ("one.md", "docs/two.md", "docs/deep/three.md", "docs/four.txt"):
        (tmp_path / name).write_text(f"Text of {name}.")
    shown, error = ran(shell, "%asksage train one.md 'docs/**/*.md' --dataset notes")
    assert error is None
    assert {each["content"] for each in trained(server)} == {
        "Text of one.md.",
        "Text of docs/two.md.",
        "Text of docs/deep/three.md.",
    }
    shown, _ = ran(shell, "%asksage train one.md -d notes")
    assert "0 pieces uploaded · 1 piece there already" in shown
    ran(shell, f"%asksage train {tmp_path}/docs/*.txt -d notes")
    assert trained(server)[-1]["content"] == "Text of docs/four.txt."


def test_a_file_whose_name_looks_like_a_pattern_is_itself(shell, server, tmp_path):
    (tmp_path / "a[1].md").write_text("Itself.")
    assert ran(shell, "%asksage train a[1].md -d notes")[1] is None
    assert trained(server)[0]["content"] == "Itself."


def test_an_estimate_of_files_uploads_nothing(shell, server, tmp_path):
    (tmp_path / "one.md").write_text("Text.")
    for text in ("%asksage train one.md -d notes --estimate", "%%asksage_train notes --estimate\nText."):
        shown, error = ran(shell, text)
        assert error is None
        assert f"{NOTES}: 1 piece to upload, about {price(b'Text.')} training tokens" in shown
    assert not trained(server)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("%asksage train", "name the files and the dataset: %asksage train PATH"),
        ("%asksage train one.md", "--dataset NAME"),
        ("%asksage train *.nothing -d notes", r"no file matches \*.nothing"),
        ("%asksage train d* -d notes", r"only directories match d\*"),
        ("%asksage train docs -d notes", r"docs is a directory: name its files, such as docs/\*.md"),
        ("%asksage train none.md -d notes", "there is no file none.md"),
        ("%asksage train none.md --datset notes", "did you mean --dataset"),
        ("%%asksage_train\nText", "one dataset is named on the line"),
        ("%%asksage_train notes other\nText", "one dataset is named on the line"),
        ("%%asksage_train notes\n  \n", "the cell is empty"),
        ("%%asksage_train nots\nText", "--create nots"),
        ("%asksage datasets all", "--create NAME"),
        ("%asksage datasets --cui", "--cui belongs to a new dataset"),
    ],
)
def test_what_cannot_be_uploaded_is_told_in_a_line(shell, server, tmp_path, text, words):
    (tmp_path / "docs").mkdir()
    _, error = ran(shell, text)
    assert isinstance(error, BadInput)
    assert "\n" not in str(error)
    with pytest.raises(BadInput, match=words):
        raise error
    assert not trained(server)


def test_datasets_are_listed_and_made(shell, server):
    assert ran(shell, "%asksage datasets")[0] == NOTES
    server.on("/user/add-dataset", {"response": "Dataset added", "status": 200})
    shown, error = ran(shell, "%asksage datasets --create plans --cui")
    assert error is None
    assert shown == "The dataset plans is made, for CUI."
    (request,) = server.asked("/user/add-dataset")
    assert request.json == {"dataset": "plans", "classification": "CUI"}
    server.on("/user/add-dataset", {"response": "Such a dataset exists", "status": 400})
    assert ran(shell, f"%asksage datasets --create {NOTES}") == (
        f"The dataset {NOTES} is there already.",
        None,
    )
    for other in ("plans", f"{NOTES} --cui"):  # as no list tells what one is for
        assert isinstance(ran(shell, f"%asksage datasets --create {other}")[1], Refused)
    server.on(DATASETS, {"response": [], "status": 200})
    assert "--create NAME makes one" in ran(shell, "%asksage datasets")[0]


# -- plugins -----------------------------------------------------------------------------------------


def test_plugins_and_personas_are_listed(shell, server):
    shown, _ = ran(shell, "%asksage plugins")
    assert "Translate language= text=\n    Translates a text." in shown
    personas = [{"id": 7, "name": "Lawyer", "description": "Reads law. " * 40}, {"id": 8, "name": "Poet"}]
    server.on("/server/get-personas", {"response": personas, "status": 200})
    shown, _ = ran(shell, "%asksage personas law")
    assert shown.startswith("7  Lawyer\n    Reads law.")
    assert "Poet" not in shown
    assert max(map(len, shown.splitlines())) < 110
    assert "no persona has 'judge'" in str(ran(shell, "%asksage personas judge")[1])


def test_a_plugin_is_run_held_and_debited_like_a_call(shell, server):
    shell.user_ns["tongue"] = "German"
    shown, error = ran(
        shell, '%%asksage --plugin Translate language="{tongue}, please" -o out\nGood day.\nBye.'
    )
    assert error is None
    (request,) = server.asked(PLUGIN)
    values = {"language": "German, please", "text": "Good day.\nBye."}
    assert json.dumps(values).encode() in request.content
    assert MODEL.encode() in request.content
    assert shell.user_ns["out"] == "Short."
    left = 200_000 - USED - 40
    assert shown == f"Short.\nplugin:Translate · 40 tokens (billed) · {left:,} of 200,000 left"
    (call,) = asksage_jupyter.usage().to_dict("records")
    assert (call["model"], call["meter"], call["tokens"]) == ("plugin:Translate", "inference", 40)


def test_a_plugin_is_estimated_from_its_own_bills(shell, server):
    first, _ = ran(shell, "%%asksage --plugin Summarize --estimate\nA text.")
    assert "Summarize has no bill yet" in first
    for tokens in (40, 90, 50):
        server.on(PLUGIN, envelope("Short.", usage={"asksage_tokens": tokens}, provenance={"model": MODEL}))
        ran(shell, "%%asksage --plugin Summarize\nA text.")
    shown, _ = ran(shell, "%%asksage --plugin Summarize --estimate\nA text.")
    assert "plugin:Summarize: about 50 tokens (40 to 90)" in shown
    assert "the median of its last 3 bills" in shown
    _, error = ran(shell, "%%asksage --plugin Summarize --max-tokens 49\nA text.")
    assert isinstance(error, OverLimit)
    assert len(server.asked(PLUGIN)) == 3


def test_all_values_of_a_plugin_may_stand_on_its_line(shell, server):
    _, error = ran(shell, "%%asksage --plugin Translate language=German text=Day")
    assert error is None
    assert b'{"language": "German", "text": "Day"}' in server.asked(PLUGIN)[0].content


def test_a_plugin_whose_bill_is_not_told_stays_open(shell, server):
    server.on(PLUGIN, {"response": "Short.", "status": 200})
    shown, error = ran(shell, "%%asksage --plugin Summarize\nA text.")
    assert error is None
    assert "the bill is not told yet: about" in shown
    assert asksage_jupyter.balance().inference.held > 0


def test_a_refused_plugin_is_not_debited_and_a_lost_one_stays_held(shell, server):
    server.on(PLUGIN, {"response": "Not allowed", "status": 400})
    assert isinstance(ran(shell, "%%asksage --plugin Summarize\nA text.")[1], Refused)
    assert asksage_jupyter.balance().inference.held == 0
    server.on(PLUGIN, Played(envelope(), drop_at=20))
    assert isinstance(ran(shell, "%%asksage --plugin Summarize\nA text.")[1], ReplyLost)
    assert asksage_jupyter.balance().inference.held > 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("%%asksage --plugin Sumarize\nText", "no plugin 'Sumarize' here. Near it: Summarize"),
        ("%%asksage --plugin Translate\nText", "Translate still needs language, text"),
        ("%%asksage --plugin Translate tongue=x\nText", "no value 'tongue'; it takes language, text"),
        ("%%asksage --plugin Summarize text=x\nText", "no value left for the lines below"),
        ("%%asksage --plugin Summarize --live 1\nText", "with --plugin there is no --live"),
        ("%%asksage --plugin Summarize one two\nText", "after the model only options"),
        ("%asksage estimate --plugin Summarize x", "priced in its cell"),
        ("%asksage estimate --compare gpt-5,gpt-5-mini x", "priced in its cell"),
        ("%asksage plugins all", "takes nothing after it"),
        ("%asksage follow-up", "no reply in this notebook yet"),
    ],
)
def test_what_is_wrong_with_a_plugin_is_told_in_a_line(shell, server, text, words):
    _, error = ran(shell, text)
    assert isinstance(error, BadInput)
    assert words in str(error)
    assert not server.asked(PLUGIN)


def test_values_of_a_line_are_for_plugins_only():
    assert parse_cell("--plugin P a=1 b='two words' gpt-5").given == (("a", "1"), ("b", "two words"))
    assert parse_cell("--plugin P a=1 gpt-5").model == "gpt-5"
    assert parse_cell("a=1").model == "a=1"


def test_follow_up_shows_questions_on_the_last_reply(shell, server):
    ran(shell, "%%asksage\nWhy?")
    server.on(FOLLOW_UP, {"response": ["And the sea?", "And at night?"], "status": 200})
    shown, error = ran(shell, "%asksage follow-up")
    assert error is None
    assert shown.startswith("- And the sea?\n- And at night?")
    sent = server.asked(FOLLOW_UP)[0].json
    assert (sent["message"], sent["model"]) == ("The sky is blue.", MODEL)
    assert "follow-up · the bill is not told yet: about" in shown
    assert asksage_jupyter.balance().inference.held > 0


# -- plan --------------------------------------------------------------------------------------------


def test_the_plan_is_shown_and_set(shell, server):
    shown, _ = ran(shell, "%asksage plan")
    assert "inference: 199,589 of 200,000 left" in shown
    shown, error = ran(shell, "%asksage plan --inference 300,000 --training 5000")
    assert error is None
    assert "of 300,000 left" in shown
    assert "of 5,000 left" in shown


def test_a_downgrade_below_what_is_used_says_that_calls_are_refused(shell, server):
    ran(shell, "%asksage balance")
    shown, error = ran(shell, "%asksage plan --inference 400")
    assert error is None
    assert "inference: 411 tokens of 400 are used or held; calls are refused until" in shown


def test_a_top_up_is_booked_once_and_says_when_it_ends(shell, server):
    for _ in range(2):
        shown, error = ran(shell, '%asksage top-up 5,000 --receipt "A 17"')
        assert error is None
        assert "of 205,000 left" in shown
        assert "unused tokens do not carry over" in shown
    _, error = ran(shell, "%asksage top-up 6000 --receipt 'A 17'")
    assert isinstance(error, LedgerConflict)
    shown, _ = ran(shell, "%asksage top-up 70 --receipt B --meter training --expires 2999-12-31")
    assert "of 100,070 left" in shown
    assert "carry over" not in shown


def test_a_request_shows_the_words_of_the_service(shell, server):
    server.on(REQUEST, {"response": "Your request was sent to your admins.", "status": 200})
    shown, error = ran(shell, '%asksage request 50,000 --reason "the audit"')
    assert error is None
    assert "Your request was sent to your admins." in shown
    assert server.asked(REQUEST)[0].json == {
        "requested_amount": 50_000,
        "token_type": "inference",
        "reason": "the audit",
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("%asksage plan 500", r"plan [--inference N] [--training N]"),
        ("%asksage plan --inference many", "whole number"),
        ("%asksage top-up 500", "by which receipt: %asksage top-up TOKENS --receipt TEXT"),
        ("%asksage top-up --receipt A", "say how many"),
        ("%asksage top-up many --receipt A", "'many' is not a number of Ask Sage tokens"),
        ("%asksage top-up 0 --receipt A", "from 1 to"),
        ("%asksage top-up 5 --receipt A --meter both", "not one of inference, training"),
        ("%asksage top-up 5 --receipt A --expires soon", "write it like 2026-12-31"),
        ("%asksage request 500 600", "one word at most, not '500 600': %asksage request [TOKENS]"),
        ("%asksage request --reason audit", "say how many: %asksage request"),
    ],
)
def test_what_is_wrong_with_a_plan_is_told_in_a_line(shell, server, text, words):
    _, error = ran(shell, text)
    assert isinstance(error, BadInput)
    assert words in str(error)
    assert "\n" not in str(error)


# -- help and completion -----------------------------------------------------------------------------


def test_help_describes_every_option_of_every_subcommand():
    for name, command in COMMANDS.items():
        told = help_text(name)
        assert max(map(len, told.splitlines())) <= 104
        for option in command.parser.names():
            assert option in told
    assert "%%asksage_train NAME" in help_text("train")
    assert "%%asksage_train NAME" in help_text()
    assert "%%%" not in help_text("train")


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("%asksage top", {"top-up"}),
        ("%asksage top-up 5 --re", {"--receipt"}),
        ("%asksage top-up 5 --meter ", {"inference", "training"}),
        ("%asksage train x.md --da", {"--dataset"}),
        ("%asksage plan --", {"--inference", "--training", "--json"}),
        ("%%asksage_train notes --e", {"--estimate"}),
        ("%%asksage --plu", {"--plugin"}),
        ("%asksage help foll", {"follow-up"}),
    ],
)
def test_tab_offers_the_options_of_each(shell, server, text, offered):
    assert completed(shell, text) == offered
    assert not server.requests


def test_the_account_is_compared_in_the_background_unless_told_not_to(shell, server, monkeypatch):
    assert any(isinstance(companion, News) for companion in session.current().companions)
    session.forget()
    AskSage.instance().reconcile_every_s = 0
    assert not any(isinstance(companion, News) for companion in session.current().companions)


@pytest.mark.long
def test_what_was_booked_meanwhile_is_told_once_after_the_next_cell(shell, server, monkeypatch):
    """In the thread that compares nothing is shown: it may be another cell's turn."""
    with monkeypatch.context() as calm:
        calm.setattr(News, "after_call", lambda news: None)
        shown, _ = ran(shell, "%%asksage\nWhy?")
    assert "meanwhile" not in shown
    news = next(each for each in session.current().companions if isinstance(each, News))
    used = USED + 63 + 1_000
    server.on("/server/count-monthly-tokens", {"response": used, "status": 200})
    server.on("/server/count-monthly-tokens-left-with-org", {"response": 200_000 - used, "status": 200})
    news._background._after_s = news._background._next = 0  # now
    news.after_call()
    news._background._thread.join(WAIT_S)
    with capture_output() as captured:
        shell.run_cell("1")
        shell.run_cell("2")
    told = [output.data["text/plain"] for output in captured.outputs]
    line = "[Compared with Ask Sage meanwhile: 1,000 inference tokens booked from other devices.]"
    assert told.count(line) == 1


def test_reconcile_and_statement_are_shown_and_written(shell, server, tmp_path):
    ran(shell, "%%asksage\nWhy?")
    shown, error = ran(shell, "%asksage reconcile")
    assert error is None
    assert "ledger" in shown.lower()
    shown, error = ran(shell, f"%asksage statement --csv {tmp_path / 'month.csv'}")
    assert error is None
    assert "Ledger verified" in shown
    assert (tmp_path / "month.csv").read_text().startswith("period,meter,section")
    assert isinstance(ran(shell, "%asksage statement November")[1], BadInput)
