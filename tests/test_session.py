"""Hold, ask, settle against a scripted tenant: what each way of going wrong leaves in the ledger."""

import json
import re
import sys
import threading
import time
import warnings
from contextlib import closing
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest
from kept import contents
from ledger_desk import DAY
from scripted import EMAIL, EXCHANGE, KEY, QUERY, STREAM, Played, Scripted, envelope, pieces

import asksage_jupyter
from asksage_jupyter import session as session_room
from asksage_jupyter.account import Source
from asksage_jupyter.display.dates import day
from asksage_jupyter.errors import (
    AskSageError,
    BadInput,
    BadKey,
    Interrupted,
    LedgerError,
    NoKey,
    NotEnoughTokens,
    OverLimit,
    Refused,
    ReplyLost,
    Unavailable,
)
from asksage_jupyter.month import now
from asksage_jupyter.prompting.counted import is_plain
from asksage_jupyter.prompting.values import text_of
from asksage_jupyter.rates import billed, store
from asksage_jupyter.service import Secret
from asksage_jupyter.session import current, forget
from asksage_jupyter.settings import AskSage

MODEL = "google-claude-45-haiku"
CATALOG = {"prompt": 0.055, "completion": 0.275}
LIMITS, LEFT = "/user/validate_token_with_full_user", "/server/count-monthly-tokens-left-with-org"
USED, TAUGHT = "/server/count-monthly-tokens", "/server/count-monthly-teach-tokens"
MODELS, TOKENIZER = "/server/get-models", "/server/tokenizer"


def tokenizer(request):
    """One generic tokenizer and its price, as recorded: strings, with a wrapper of 19."""
    asked = request.json
    tokens = len(asked["content"].split()) + 19
    if not asked.get("convert_to_asksage"):
        return {"response": str(tokens), "status": 200}
    price = billed(tokens * CATALOG["prompt"], asked["completion_estimate"] * CATALOG["completion"])
    return {"response": str(int(price)), "status": 200}


def told(number):
    return {"response": number, "status": 200}


@pytest.fixture
def tenant(monkeypatch):
    """A whole tenant: key exchange, limits, counters, models, tokenizer and a model that says OK."""
    with closing(Scripted()) as server:
        server.on(EXCHANGE, {"response": {"access_token": "jwt-7c1d"}, "status": "200"})
        server.on(LIMITS, told({"max_tokens": 200_000, "max_train_tokens": 50_000, "mfa_secret": "decoy"}))
        server.on(USED, told(411))
        server.on(TAUGHT, told("7"))
        server.on(LEFT, told(199_589))
        models = [
            {"id": MODEL, "token_conversion_rate": CATALOG},
            {"id": "gpt-5", "token_conversion_rate": {"prompt": 0.069, "completion": 0.55}},
        ]
        server.on(MODELS, told(models))
        server.on(TOKENIZER, tokenizer)
        server.on(QUERY, envelope())
        server.on(STREAM, Played(pieces(envelope("\n\nO"), envelope())))
        for name, value in (("URL", server.url), ("EMAIL", EMAIL), ("API_KEY", KEY), ("MODEL", MODEL)):
            monkeypatch.setenv(f"ASKSAGE_{name}", value)
        yield server
        forget()  # before the server goes


def standing():
    inference = asksage_jupyter.balance().inference
    return inference.used, inference.held


# -- first contact ----------------------------------------------------------------------------------------


def test_the_first_balance_is_already_true(tenant):
    balance = asksage_jupyter.balance()
    assert (balance.inference.granted, balance.inference.used) == (200_000, 411)
    assert (balance.training.granted, balance.training.used) == (50_000, 7)
    assert "account limit + monthly counter" in balance.inference.source
    assert balance.inference.as_of is not None


@pytest.mark.parametrize(
    ("missing", "granted", "used", "source"),
    [
        ([LIMITS], 200_000, 411, "tokens left + monthly counter"),
        ([LEFT], 200_000, 411, "account limit + monthly counter"),
        ([USED], 200_000, 411, "account limit + tokens left"),
        ([USED, LEFT], 200_000, 0, "not told"),
        ([USED, LIMITS], 199_589, 0, "not told"),
    ],
)
def test_where_a_tenant_lacks_a_route_the_next_best_source_is_named(tenant, missing, granted, used, source):
    for path in missing:
        tenant.on(path)
    inference = asksage_jupyter.balance().inference
    assert (inference.granted, inference.used) == (granted, used)
    assert source in inference.source


def test_a_tenant_that_tells_nothing_is_told_by_the_person_once(tenant):
    for path in (LIMITS, LEFT, USED, TAUGHT):
        tenant.on(path)
    assert asksage_jupyter.balance().inference.granted is None
    with pytest.raises(LedgerError, match="set_plan"):
        asksage_jupyter.ask("Hello")
    assert not tenant.asked(QUERY)
    assert asksage_jupyter.set_plan(inference=1_000).inference.remaining == 1_000
    assert asksage_jupyter.ask("Hello").balance.inference.remaining == 1_000 - 63


def test_contact_is_made_once_and_later_kernels_need_no_network(tenant, monkeypatch):
    asksage_jupyter.balance()
    forget()
    monkeypatch.delenv("ASKSAGE_API_KEY")
    tenant.requests.clear()
    assert asksage_jupyter.balance().inference.used == 411
    assert not tenant.requests


def test_without_a_key_the_message_names_both_ways(tenant, monkeypatch):
    monkeypatch.delenv("ASKSAGE_API_KEY")
    with pytest.raises(NoKey, match=r"%asksage login.*asksage-jupyter demo"):
        asksage_jupyter.balance()
    assert not tenant.requests


def test_a_newcomer_with_nothing_set_is_told_both_ways_and_nothing_else(monkeypatch):
    with pytest.raises(NoKey, match=r"%asksage login.*asksage-jupyter demo"):
        asksage_jupyter.ask("Hello")


def test_a_call_past_its_due_time_is_presumed_in_a_kernel_that_stays_open(tenant):
    tenant.on(QUERY, Played(envelope(), drop_at=30))
    AskSage.instance().presume_after_s = 60
    with pytest.raises(ReplyLost):
        asksage_jupyter.ask("Say OK.")
    held = standing()[1]
    session = current()
    session.ledger._clock = lambda: time.time_ns() // 1000 + 61_000_000
    assert standing() == (411 + held, 0)


def test_login_tries_the_key_before_it_is_kept(tenant, monkeypatch):
    monkeypatch.delenv("ASKSAGE_API_KEY")
    tenant.on(EXCHANGE, told("Token is invalid [1]") | {"status": 400})
    with pytest.raises(BadKey):
        current().login(Secret("wrong"))
    with pytest.raises(NoKey):
        asksage_jupyter.balance()
    tenant.on(EXCHANGE, {"response": "jwt-bare", "status": 200})
    assert current().login(Secret(KEY))
    assert asksage_jupyter.balance().inference.used == 411


# -- what a call leaves -----------------------------------------------------------------------------------


def test_a_reply_is_debited_as_billed_and_listed(tenant, monkeypatch):
    monkeypatch.setenv("ASKSAGE_PROJECT", "tides")
    monkeypatch.setenv("JPY_SESSION_NAME", "work/tides.ipynb")
    reply = asksage_jupyter.ask("Say OK.")
    assert (reply.text, reply.tokens, reply.source) == ("OK", 63, Source.BILLED)
    assert reply.receipt == f"{MODEL} · 63 tokens (billed) · 199,526 of 200,000 left"
    assert standing() == (411 + 63, 0)
    (row,) = asksage_jupyter.usage().to_dict("records")
    assert (row["tokens"], row["input_tokens"], row["output_tokens"], row["source"]) == (63, 820, 4, "billed")
    assert (row["project"], row["notebook"], row["user"]) == ("tides", "work/tides.ipynb", EMAIL)
    assert row["estimate"] == reply.estimate.expected


def test_the_text_so_far_is_heard_while_it_arrives(tenant):
    heard = []
    reply = asksage_jupyter.ask("Say OK.", on_text=heard.append)
    assert heard[-1] == reply.text == "OK"
    assert heard[0] == "O"


def test_a_failing_display_does_not_cost_the_reply(tenant):
    def display(text):
        raise OSError("no front end")

    with pytest.warns(UserWarning, match="no front end"):
        reply = asksage_jupyter.ask("Say OK.", on_text=display)
    assert (reply.text, reply.tokens) == ("OK", 63)
    assert standing() == (474, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert asksage_jupyter.ask("Say OK.", on_text=display).text == "OK"
    assert standing() == (537, 0)


def test_a_certain_refusal_voids_the_hold(tenant):
    tenant.on(QUERY, envelope("Sorry, the model is overloaded.", usage=None))
    session = current()
    session.service._sleep = lambda seconds: None
    with pytest.raises(Unavailable, match="overloaded"):
        asksage_jupyter.ask("Say OK.")
    assert standing() == (411, 0)
    assert asksage_jupyter.usage().empty


def test_a_lost_reply_leaves_the_hold(tenant):
    tenant.on(STREAM, Played(pieces({"message": "Half a re"}), drop_at=25))
    tenant.on(QUERY, Played(envelope(), drop_at=30))
    with pytest.raises(ReplyLost, match="stay held"):
        asksage_jupyter.ask("Say OK.")
    used, held = standing()
    assert used == 411
    assert held > 0


def test_what_arrived_of_a_lost_reply_is_kept(tenant):
    whole = pieces({"message": "Half a reply"}, {"message": " and more"})
    tenant.on(STREAM, Played(whole, drop_at=whole.index(b"and"), cuts=(45,)))
    with pytest.raises(ReplyLost) as caught:
        asksage_jupyter.ask("Say OK.", on_text=lambda text: None)
    assert caught.value.text == "Half a reply"


def test_a_stop_keeps_what_came_and_leaves_the_hold(tenant):
    def stop(text):
        raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        asksage_jupyter.ask("Say OK.", on_text=stop)
    reply = caught.value.reply
    assert (reply.text, reply.interrupted, reply.tokens) == ("O", True, None)
    assert "stay held" in reply.receipt
    assert standing() == (411, reply.estimate.expected)


def test_a_hold_past_its_due_time_is_presumed_with_its_attribution(tenant, monkeypatch):
    tenant.on(QUERY, Played(envelope(), drop_at=30))
    monkeypatch.setenv("JPY_SESSION_NAME", "lost.ipynb")
    with pytest.raises(ReplyLost):
        asksage_jupyter.ask("Say OK.")
    account, path = current().account, current().ledger.path
    estimate = asksage_jupyter.balance().inference.held
    forget()
    from asksage_jupyter.ledger import CALL_COLUMNS, Ledger

    later = time.time_ns() // 1000 + 2 * 3600 * 1_000_000
    with closing(Ledger(path, clock=lambda: later)) as ledger:
        (call,) = ledger.calls(account)
        row = dict(zip(CALL_COLUMNS, call, strict=True))
    assert (row["tokens"], row["source"], row["status"]) == (estimate, "presumed", "lost")
    assert (row["notebook"], row["model"]) == ("lost.ipynb", MODEL)


def test_a_failing_settle_gives_the_reply_and_is_made_up_for(tenant, monkeypatch):
    ledger = current().ledger
    settle = ledger.settle

    def full_disk(op, bill):
        raise LedgerError("the disk is full")

    monkeypatch.setattr(ledger, "settle", full_disk)
    reply = asksage_jupyter.ask("Say OK.")
    assert reply.text == "OK"
    assert "still to be booked (the disk is full)" in reply.receipt
    monkeypatch.setattr(ledger, "settle", settle)
    assert standing() == (474, 0)
    assert asksage_jupyter.usage()["tokens"].tolist() == [63]


def test_a_stop_during_the_debit_still_gives_the_reply(tenant, monkeypatch):
    ledger = current().ledger
    settle = ledger.settle

    def stopped(op, bill):
        settle(op, bill)
        raise KeyboardInterrupt

    monkeypatch.setattr(ledger, "settle", stopped)
    assert asksage_jupyter.ask("Say OK.").text == "OK"
    monkeypatch.setattr(ledger, "settle", settle)
    assert standing() == (474, 0)


def test_a_reply_without_a_bill_is_priced_by_its_model_tokens(tenant):
    tenant.on(QUERY, envelope("OK", usage={"prompt_tokens": 1_000, "completion_tokens": 100}))
    reply = asksage_jupyter.ask("Say OK.")
    assert reply.source is Source.PRICED
    assert reply.tokens == 108
    assert standing() == (411 + reply.tokens, 0)


def test_without_a_tokenizer_route_the_catalog_prices_and_says_so(tenant):
    tenant.on(TOKENIZER)
    tenant.on(QUERY, envelope("OK", usage={"prompt_tokens": 1_000, "completion_tokens": 100}))
    reply = asksage_jupyter.ask("Say OK.")
    assert (reply.source, reply.estimate.source) == (Source.CATALOG, Source.CATALOG)
    assert "unverified" in reply.receipt


def test_another_models_answer_is_told_and_booked_under_its_name(tenant):
    tenant.on(QUERY, envelope(provenance={"model": "gpt-5"}))
    reply = asksage_jupyter.ask("Say OK.")
    assert reply.model == "gpt-5"
    assert f"asked {MODEL}, answered by gpt-5" in reply.receipt
    assert asksage_jupyter.usage()["model"].tolist() == ["gpt-5"]


# -- what is refused before anything is sent --------------------------------------------------------------


def test_what_the_month_cannot_pay_is_not_sent(tenant):
    tenant.on(LEFT, told(20))
    with pytest.raises(NotEnoughTokens) as caught:
        asksage_jupyter.ask("Say OK.")
    error = caught.value
    assert (error.meter, error.remaining) == ("inference", 20)
    assert error.needed > 20
    assert all(
        word in str(error)
        for word in ("inference", "your organisation's pool has 20 left", f"{error.needed:,} needed")
    )
    assert day(error.resets_at, year=True) in str(error)
    assert not tenant.asked(QUERY)


def test_a_call_above_the_persons_limit_is_not_sent(tenant):
    with pytest.raises(OverLimit):
        asksage_jupyter.ask("Say OK.", max_tokens=5)
    assert not tenant.asked(QUERY)
    assert standing() == (411, 0)


def test_an_estimate_sends_nothing_to_a_model(tenant):
    estimate = asksage_jupyter.estimate("word " * 1_000)
    assert estimate.low <= estimate.expected <= estimate.high
    assert estimate.source is Source.PRICED
    assert {part.name for part in estimate.parts} >= {"prompt", "reply"}
    assert not tenant.asked(QUERY)
    assert not tenant.asked(STREAM)


def test_an_unknown_model_is_refused_with_those_near_it(tenant):
    with pytest.raises(BadInput, match=MODEL):
        asksage_jupyter.ask("Say OK.", model="google-claude-45-haikoo")
    assert not tenant.asked(QUERY)


@pytest.mark.parametrize(
    "options",
    [
        {"live": 3}, {"reasoning": "much"}, {"temperature": 2.0}, {"history": -1}, {"file": "absent.txt"},
        {"mood": "good"},
    ],
)  # fmt: skip
def test_options_that_are_not_allowed_are_told_in_a_line(tenant, monkeypatch, options):
    monkeypatch.delenv("ASKSAGE_MODEL")
    with pytest.raises(BadInput) as caught:
        asksage_jupyter.ask("Say OK.", **{"model": MODEL, **options})
    assert "\n" not in str(caught.value)
    assert not tenant.requests


def test_an_empty_prompt_is_not_sent(tenant):
    with pytest.raises(BadInput, match="empty"):
        asksage_jupyter.ask(" \n")


# -- history, settings, threads ---------------------------------------------------------------------------


def test_history_is_sent_again_and_its_share_is_told(tenant):
    asksage_jupyter.ask("First.")
    assert "history" not in asksage_jupyter.ask("Second.").receipt
    assert "history: about" in asksage_jupyter.ask("Third.", history=1).receipt
    assert tenant.asked(QUERY)[-1].json["message"] == [
        {"user": "me", "message": "Second."},
        {"user": "gpt", "message": "OK"},
        {"user": "me", "message": "Third."},
    ]


def test_a_changed_setting_is_followed_without_a_restart(tenant):
    first = current()
    AskSage.instance().email = "bea@example.org"
    assert current() is not first
    assert current().account.holder == "bea@example.org"


def test_threads_share_a_session(tenant):
    replies = []
    threads = [
        threading.Thread(target=lambda: replies.append(asksage_jupyter.ask("Say OK."))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [reply.tokens for reply in replies] == [63] * 8
    assert standing() == (411 + 8 * 63, 0)
    assert current().ledger.verify().ok


def test_prompts_replies_and_the_key_stay_out_of_every_file(tenant, tmp_path):
    asksage_jupyter.ask("the prompt is marmalade", history=1)
    forget()
    kept = b"".join(contents(tmp_path).values())
    assert json.dumps(MODEL).encode() in kept  # the files were looked into
    for secret in (b"marmalade", KEY.encode(), b"jwt-7c1d", b"decoy"):
        assert secret not in kept


# -- what goes along with a session -----------------------------------------------------------------------


class Heard:
    """A companion that counts."""

    def __init__(self, session):
        self.calls, self.is_closed = 0, False

    def after_call(self):
        self.calls += 1

    def close(self):
        self.is_closed = True


def test_a_companion_hears_of_every_call_however_it_ends_and_of_the_end(tenant, monkeypatch):
    monkeypatch.setattr(session_room.kernel, "_companions", [])
    made = []
    session_room.accompany(lambda session: made.append(Heard(session)) or made[-1])
    session_room.accompany(lambda session: None)
    asksage_jupyter.ask("Say OK.")
    tenant.on(QUERY, Played(envelope(), drop_at=30))
    with pytest.raises(ReplyLost):
        asksage_jupyter.ask("Say OK.")
    (companion,) = made
    assert (companion.calls, companion.is_closed) == (2, False)
    forget()
    assert companion.is_closed


def test_a_clock_far_ahead_of_the_services_begins_no_month(tenant):
    session = current()
    ahead = 40 * 86_400 * 1_000_000
    session._guarded._wall = lambda: now() + ahead
    assert session.clock() > now() + ahead - 10_000_000  # nobody heard yet
    asksage_jupyter.balance()
    assert session.clock() < now() + 6 * 60 * 1_000_000
    assert asksage_jupyter.ask("Say OK.").tokens == 63
    assert asksage_jupyter.usage()["sent_at"].max().timestamp() < time.time() + 6 * 60


# -- files, aliases and the service's own choice --------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "begins"),
    [("scan.pdf", b"%PDF-1.7\n"), ("scan", b"%PDF-1.7\n"), ("photo.png", b"\x89PNG\r\n\x1a\n"),
     ("photo.jpg", b""), ("talk.mp3", b"ID3\x04"), ("unknown.bin", b"")],
)  # fmt: skip
def test_what_is_no_text_is_priced_by_its_kind(tenant, tmp_path, name, begins):
    """A scan of 2 MB was estimated at 133,961 tokens; a recorded call with a file was billed 78."""
    (tmp_path / name).write_bytes(begins + bytes(range(256)) * 8_000)
    estimate = asksage_jupyter.estimate("What is this?", file=tmp_path / name, system="Be brief.")
    assert estimate.low <= 78 <= estimate.high < 1_500


def test_a_text_file_is_counted_whatever_its_name(tenant, tmp_path):
    (tmp_path / "notes.dat").write_text("caf\u00e9 " * 2_000, encoding="latin-1")
    (tmp_path / "notes.txt").write_text("word " * 2_000)
    for name in ("notes.dat", "notes.txt"):
        estimate = asksage_jupyter.estimate("Sum up.", file=tmp_path / name, system="Be brief.")
        assert {part.name for part in estimate.parts} > {"file"}
        assert estimate.input_tokens > 2_000


def listed(tenant, **more):
    rate = {"prompt": 0.055, "completion": 0.275}
    names = {"google-claude-45-haiku": ["haiku", "claude-4-5-haiku"], "gpt-5-mini": [], "gpt-4.1-nano": []}
    entries = [
        {"id": id_, "aliases": aliases, "token_conversion_rate": rate} for id_, aliases in names.items()
    ]
    tenant.on(MODELS, {"response": [*entries, *([more] if more else [])], "status": 200})


@pytest.mark.parametrize("alias", ["haiku", "claude-4-5-haiku"])
def test_an_alias_is_asked_priced_and_booked_under_its_id(tenant, alias):
    listed(tenant)
    assert asksage_jupyter.estimate("Say OK.", model=alias).model == "google-claude-45-haiku"
    reply = asksage_jupyter.ask("Say OK.", model=alias)
    assert reply.receipt.startswith("google-claude-45-haiku")
    assert tenant.asked(QUERY)[0].json["model"] == "google-claude-45-haiku"
    assert asksage_jupyter.usage()["model"].tolist() == ["google-claude-45-haiku"]


def test_a_model_and_its_alias_are_not_compared(tenant):
    listed(tenant)
    with pytest.raises(BadInput, match="haiku and google-claude-45-haiku are one model"):
        asksage_jupyter.compare("Say OK.", ["haiku", "google-claude-45-haiku"])


def test_the_service_may_choose_the_model(tenant):
    listed(tenant)
    tenant.on(TOKENIZER, {"response": "No such model", "status": 400})
    estimate = asksage_jupyter.estimate("Say OK.", model="auto")
    assert (estimate.model, estimate.source) == ("auto", Source.CATALOG)
    tenant.on(QUERY, envelope("OK", provenance={"model": "gpt-5-mini"}))
    reply = asksage_jupyter.ask("Say OK.", model="auto")
    assert tenant.asked(QUERY)[0].json["model"] == "auto"
    assert reply.model == "gpt-5-mini"


def test_only_models_that_are_near_are_named(tenant):
    listed(tenant)
    for wrong, words in [
        ("Haiku-4", "Near it: google-claude-45-haiku. %asksage models"),
        ("claude", "Near it: google-claude-45-haiku. %asksage models"),
        ("gpt-5-mimi", "Near it: gpt-5-mini"),
        ("GPT-5-MINI", "Near it: gpt-5-mini"),
        ("zzz", "no model 'zzz' here. %asksage models lists them all."),
    ]:
        with pytest.raises(BadInput, match=re.escape(words)):
            asksage_jupyter.estimate("Say OK.", model=wrong)


def test_a_reply_without_a_bill_is_priced_as_the_model_that_answered(tenant):
    listed(tenant, id="dear", token_conversion_rate={"prompt": 5.5, "completion": 27.5})
    tenant.on(TOKENIZER, {"response": "gone", "status": 400})
    usage = {"prompt_tokens": 1_000, "completion_tokens": 100}
    tenant.on(QUERY, envelope("OK", usage=usage, provenance={"model": "dear"}))
    reply = asksage_jupyter.ask("Say OK.", model="haiku")
    assert (reply.tokens, reply.source) == (10_725, Source.CATALOG)


def test_a_stopped_process_that_has_the_rates_costs_no_reply(tenant, monkeypatch):
    import fcntl

    monkeypatch.setattr(store, "_PATIENCE_S", 0.05)
    asksage_jupyter.ask("Say OK.")
    lock = current().ledger.folder / "rates.lock"
    with lock.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert asksage_jupyter.ask("Say OK.").text == "OK"


def test_what_is_kept_to_send_again_is_bounded_and_what_is_not_is_told(tenant, monkeypatch):
    from asksage_jupyter.session import exchanges

    monkeypatch.setattr(exchanges, "LARGEST", 100)
    for prompt in ("one", "two", "t" * 90, "four"):
        asksage_jupyter.ask(prompt)
    assert current().history(1) == (("four", "OK"),)
    with pytest.raises(BadInput, match=r"no more than 100 characters .* history=2 is the most"):
        asksage_jupyter.ask("five", history=3)
    asksage_jupyter.ask("f" * 101)
    with pytest.raises(BadInput, match="the last one alone is longer"):
        asksage_jupyter.ask("six", history=1)


def test_a_changed_setting_leaves_the_conversation_as_it_is(tenant):
    asksage_jupyter.ask("one")
    before = current()
    AskSage.instance().timeout_s = 77.0
    assert current() is not before
    assert current().history(1) == (("one", "OK"),)
    AskSage.instance().email = "another@example.org"
    assert current().history(1) == ()


@pytest.mark.parametrize("broken", ["learn", "balance", "companion"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_nothing_that_follows_the_debit_costs_the_reply(tenant, monkeypatch, broken, error):
    asksage_jupyter.ask("Say OK.")

    def fails(*args, **named):
        raise error

    match broken:
        case "learn":
            monkeypatch.setattr(current().pricing, "learn", fails)
        case "balance":
            monkeypatch.setattr(current().ledger, "balance", fails)
        case "companion":
            monkeypatch.setattr(current(), "_after_call", fails)
            monkeypatch.setattr(current().settling, "_after", fails)
    reply = asksage_jupyter.ask("Say OK.")
    monkeypatch.undo()
    assert (reply.text, reply.tokens) == ("OK", 63)


def test_a_stop_before_the_hold_is_one_line(tenant, monkeypatch):
    asksage_jupyter.balance()

    def stopped(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(current().pricing, "estimate", stopped)
    with pytest.raises(Interrupted, match=r"^nothing was sent\.$") as told:
        asksage_jupyter.ask("Say OK.")
    assert (told.value.reply.text, told.value.reply.held) == ("", 0)
    assert told.value.reply.receipt.endswith("interrupted: nothing was sent")


def test_a_stop_in_a_pause_after_busy_holds_nothing(tenant, monkeypatch):
    def stopped(seconds):
        raise KeyboardInterrupt

    asksage_jupyter.balance()
    tenant.on(QUERY, Played({"response": "busy"}, status=503))
    monkeypatch.setattr(current().service._connection, "_sleep", stopped)
    with pytest.raises(Interrupted, match=r"^nothing was sent\.$"):
        asksage_jupyter.ask("Say OK.")
    assert standing() == (411, 0)


def test_what_fails_after_an_older_stop_is_no_stop(tenant):
    asksage_jupyter.balance()
    tenant.on(QUERY, Played({"response": "no such thing", "status": 400}))
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        with pytest.raises(Refused):
            asksage_jupyter.ask("Say OK.")
    assert standing() == (411, 0)


# -- a clock that is wrong, and the organisation's pool -----------------------------------------------------


@pytest.mark.parametrize("plan", [None, 1_000])
def test_a_kernel_whose_clock_runs_ahead_begins_no_month(tenant, plan):
    """Rates are cached, the plan is known, and the first that is asked would be the query itself."""
    asksage_jupyter.ask("Say OK.")
    if plan is not None:
        asksage_jupyter.set_plan(inference=plan)
    before = asksage_jupyter.balance().inference
    forget()
    current()._guarded._wall = lambda: now() + 40 * DAY
    told, silent = (asksage_jupyter.ask("Say OK.").receipt for _ in range(2))
    assert "this machine's clock is 40 days ahead of Ask Sage's, which counts" in told
    assert "clock" not in silent
    after = asksage_jupyter.balance().inference
    assert (after.resets_at, after.used) == (before.resets_at, before.used + 2 * 63)


def test_without_the_service_a_clock_far_ahead_is_refused_and_moves_nothing(tenant, monkeypatch):
    asksage_jupyter.ask("Say OK.")
    before = asksage_jupyter.balance().inference
    ledger = current().ledger
    current()._guarded._wall = lambda: now() + 400 * DAY
    current()._guarded._latest = None
    current()._contacted.clear()

    def away(task):
        raise Unavailable("the service cannot be reached")

    monkeypatch.setattr(current(), "asking", away)
    with pytest.raises(AskSageError) as refused:
        asksage_jupyter.ask("Say OK.")
    assert "\n" not in str(refused.value)
    current()._guarded._wall = now
    assert ledger.balance(current().account).inference == before
    assert len(tenant.asked(QUERY)) == 1


def test_the_organisations_pool_is_a_second_bound_and_shown_as_such(tenant):
    tenant.on(LEFT, told(3_100))
    tenant.on(LIMITS, told({"max_tokens": 40_411, "max_train_tokens": 50_000}))
    inference = asksage_jupyter.balance().inference
    assert (inference.granted, inference.remaining, inference.spendable) == (40_411, 40_000, 3_100)
    assert "your organisation's pool leaves 3,100, below your own 40,000" in str(inference)
    reply = asksage_jupyter.ask("Say OK.")
    assert reply.balance.inference.spendable == 3_100 - 63
    session_room.forget()  # as in a kernel that is started anew
    assert asksage_jupyter.balance().inference.spendable == 3_100 - 63
    tenant.on(LEFT, told(3_037))  # which is asked once more before a call is refused
    with pytest.raises(NotEnoughTokens, match="your organisation's pool has 3,037 left"):
        asksage_jupyter.ask("word " * 60_000)
    tenant.on(LEFT, told(50_000))  # by now
    assert asksage_jupyter.ask("word " * 60_000).text == "OK"
    session_room.forget()
    assert asksage_jupyter.balance().inference.spendable == 40_000 - 2 * 63


def test_a_bound_that_cannot_be_kept_holds_in_this_kernel(tenant, monkeypatch):
    def fail(*_):
        raise OSError("read-only")

    inference, ceiling = asksage_jupyter.balance().inference, current().settling.ceiling
    monkeypatch.setattr("asksage_jupyter.session.holding.ceiling.write", fail)
    ceiling.heard(7, inference)
    assert asksage_jupyter.balance().inference.spendable == 7


@pytest.mark.parametrize("kept", ["", "[" * 9_000, "[1]", "{}", '["a", 1]', "[1e400, 2]", "[null, null]"])
def test_a_bound_that_makes_no_sense_is_none(tenant, kept):
    before, ceiling = asksage_jupyter.balance(), current().settling.ceiling
    ceiling.heard(7, before.inference)
    ceiling._path().write_text(kept)
    assert not ceiling.is_near
    assert asksage_jupyter.balance().inference == before.inference


def test_what_another_thread_is_importing_is_not_there_yet(tenant, monkeypatch):
    for name in ("IPython", "pandas", "numpy", "polars"):
        half_done = ModuleType(name)
        half_done.__spec__ = ModuleSpec(name, None)
        half_done.__spec__._initializing = True
        monkeypatch.setitem(sys.modules, name, half_done)
    assert asksage_jupyter.ask("Why is the sea salty?").text
    assert text_of("depths", [10.5, (11, {12})]) == "[10.5, (11, {12})]"
    assert is_plain(10.5)
