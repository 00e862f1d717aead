"""The panel: its words in every state, and that it follows the ledger without a cell being run."""

import json
import re
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from ledger_desk import DAY, HOUR, SECOND, Clock, at
from patience import WAIT_S
from traitlets import HasTraits, TraitError

from asksage_jupyter import panel
from asksage_jupyter.account import Account, Balance, Meter, MeterBalance, Source, Status
from asksage_jupyter.errors import LedgerUnusable
from asksage_jupyter.ledger import Ledger, new_op
from asksage_jupyter.month import moment, to_datetime
from asksage_jupyter.session import Session, current
from asksage_jupyter.settings import AskSage
from asksage_jupyter.widget import Panel, words
from asksage_jupyter.widget.page import html
from asksage_jupyter.widget.state import PanelState
from asksage_jupyter.widget.words import LastCall, Shown, text

INFERENCE, TRAINING = Meter
NOW = at(2026, 11, 23, 9)

DEBIT = """
import sys
from asksage_jupyter.account import Account, Bill, Call, Meter, Source
from asksage_jupyter.ledger import Ledger, new_op
from asksage_jupyter.month import now
path, host, holder, tokens = sys.argv[1:]
ledger = Ledger(path)
call = Call(new_op(), now(), "a-model", Meter.INFERENCE, int(tokens))
ledger.hold(Account(host, holder), call, due=now() + 3_600_000_000)
ledger.settle(call.op, Bill(int(tokens), Source.BILLED))
ledger.close()
"""


@pytest.fixture(autouse=True)
def no_panel_is_left():
    yield
    Panel.close_all()


@pytest.fixture
def session():
    made = Session(AskSage.instance())
    yield made
    made.close()


@pytest.fixture
def follow(session):
    """Make states that are stopped in the end."""
    states = []

    def make(of=session, **arguments):
        states.append(PanelState(of, **arguments))
        return states[-1]

    yield make
    for state in states:
        state.stop()


def debit_elsewhere(path, account, tokens):
    """Hold and settle in a process of its own."""
    command = [sys.executable, "-c", DEBIT, str(path), account.host, account.holder, str(tokens)]
    subprocess.run(command, check=True, timeout=WAIT_S)


def becomes(state, condition):
    """Wait until the state shows what is asked of it; True when it did."""
    seen = threading.Event()

    def look(_=None):
        if condition(state.shown):
            seen.set()

    state.observe(look, "shown")
    look()
    return seen.wait(WAIT_S)


def meter(name, granted=200_000, used=0, held=0, source="Ask Sage: account limit", **fields):
    fields = {
        "as_of": to_datetime(NOW - 3 * 60 * SECOND),
        "resets_at": datetime(2026, 12, 1, tzinfo=UTC),
    } | fields
    return MeterBalance(name, granted, used, held, source, **fields)


def shown(inference=None, training=None, account=None, **fields):
    balance = Balance(
        account or Account("api.example", "jane@example"),
        inference or meter(INFERENCE),
        training or meter(TRAINING),
    )
    return Shown(**({"balance": balance, "read_at": NOW, "now": NOW} | fields))


class Page(HTMLParser):
    """The text and the tags of some HTML."""

    def __init__(self, source):
        super().__init__()
        self.words, self.tags = [], []
        self.feed(source)
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


LAST = LastCall(NOW - 2 * HOUR, "gpt-5-mini", 1063, "billed", "ok")
UNKNOWN = {"granted": None, "source": "not known: ...", "as_of": None}
STATES = {
    "both meters, the reset and its days": (
        shown(meter(INFERENCE, used=12_346, held=1_200)),
        ["186,454 of 200,000 left", "12,346 used", "1,200 held", "Resets 1 Dec 2026 · 8 days left"],
    ),
    "how long it lasts": (
        shown(meter(INFERENCE, used=1), paces={INFERENCE: "Lasts until 28 Nov at this pace. Up to 9 a day."}),
        ["Lasts until 28 Nov at this pace. Up to 9 a day."],
    ),
    "whose tokens": (shown(), ["jane@example at api.example"]),
    "the local demo": (
        shown(account=Account("localhost", "local-demo")),
        ["Local demo (not Ask Sage tokens)"],
    ),
    "no call yet": (shown(), ["No call yet"]),
    "the last call": (
        shown(last=LAST),
        ["Last call: gpt-5-mini · 1,063 tokens (billed) · 07:00 UTC (2 h ago)"],
    ),
    "a call without a bill": (
        shown(last=replace(LAST, source="held", status="open"), opened=(3, 338)),
        [
            "3 calls without a bill yet: 338 tokens held",
            "Last call: gpt-5-mini · 1,063 tokens (held, no bill yet) · 07:00 UTC (2 h ago)",
        ],
    ),
    "a last call whose reply was lost": (
        shown(last=replace(LAST, source=Source.PRESUMED, status=Status.LOST, sent_at=NOW - DAY)),
        ["(presumed, its reply was lost) · 22 Nov 09:00 UTC"],
    ),
    "how old the figures are": (
        shown(),
        ["Last change 08:57 UTC (3 min ago)"],
    ),
    "overage": (
        shown(meter(INFERENCE, used=201_000, held=234)),
        ["1,234 over 200,000", "1,234 over", "Calls are refused until 1 Dec 2026"],
    ),
    "nothing left": (
        shown(meter(INFERENCE, used=200_000)),
        ["0 of 200,000 left", "Calls are refused until 1 Dec 2026"],
    ),
    "an allotment nobody told": (
        shown(meter(INFERENCE, **UNKNOWN), meter(TRAINING, **UNKNOWN)),
        ["not known", "Tell it: asksage_jupyter.set_plan(inference=...)", "set_plan(training=...)"],
    ),
    "no key": (
        shown(meter(INFERENCE, **UNKNOWN), meter(TRAINING, **UNKNOWN), trouble="no Ask Sage key. Do this."),
        ["No Ask Sage key. Do this."],
    ),
    "no ledger": (Shown(trouble="the ledger is damaged: do that."), ["The ledger is damaged: do that."]),
    "figures that are not up to date": (
        shown(last=LAST, trouble="the disk is full."),
        ["Not up to date since 23 Nov 09:00 UTC: the disk is full.", "200,000 of 200,000 left", "gpt-5-mini"],
    ),
}


@pytest.mark.parametrize(("state", "told"), STATES.values(), ids=STATES)
def test_every_state_is_told_in_words(state, told):
    page = Page(html(state, live=True)).text
    assert [words for words in told if words not in page] == []


@pytest.mark.parametrize(("state", "told"), STATES.values(), ids=STATES)
def test_what_is_kept_tells_the_same_without_ages(state, told):
    for kept in (text(state), Page(html(state, live=False)).text):
        assert not re.search(r" ago|just now|days left|tomorrow", kept)
        lasting = [words for words in told if not re.search(r" ago|days left", words)]
        assert [words for words in lasting if words not in kept] == []


def test_without_a_key_only_the_one_line_is_shown_and_no_empty_meters():
    state, _ = STATES["no key"]
    assert "Inference" not in Page(html(state, live=True)).text
    assert text(state).splitlines() == ["jane@example at api.example", "  No Ask Sage key. Do this."]


def test_an_unknown_meter_beside_a_known_one_keeps_both():
    page = Page(html(shown(training=meter(TRAINING, **UNKNOWN)), live=True))
    assert "200,000 of 200,000 left" in page.text
    assert any(tag[1].get("title") == "Figures from Ask Sage: account limit" for tag in page.tags)
    assert len([tag for tag in page.tags if tag[1].get("role") == "progressbar"]) == 1


def test_figures_of_two_sources_are_told_apart_to_who_asks():
    page = Page(html(shown(training=meter(TRAINING, source="set_plan")), live=True))
    told = "Inference from Ask Sage: account limit · Training from set_plan"
    assert any(tag[1].get("title") == told for tag in page.tags)


@pytest.mark.parametrize(
    ("used", "word"), [(140_000, ""), (140_001, "low"), (180_001, "very low"), (200_000, "used up")]
)
def test_what_runs_short_is_told_in_a_word(used, word):
    page = Page(html(shown(meter(INFERENCE, used=used)), live=True)).text
    assert f"Inference {word} {200_000 - used:,} of 200,000 left".replace("  ", " ") in page


def test_times_are_those_of_the_accounts_zone():
    york = Account("api.example", "jane@example", "America/New_York")
    told = text(shown(account=york, last=LAST))
    assert "23 Nov 02:00 EST" in told
    assert "UTC" not in told


def test_days_left_are_those_of_the_accounts_calendar():
    tokyo = Account("api.example", "jane@example", "Asia/Tokyo")
    reset = meter(INFERENCE, resets_at=to_datetime(at(2026, 11, 30, 15)))
    balance = shown(reset, account=tokyo).balance
    assert balance.resets_words(at(2026, 11, 29, 14)) == "Resets 1 Dec 2026 · 2 days left"
    assert balance.resets_words(at(2026, 11, 29, 15)) == "Resets 1 Dec 2026 · tomorrow"
    assert balance.resets_words() == "Resets 1 Dec 2026"
    assert balance.resets_words(at(2026, 12, 5)) == "Resets 1 Dec 2026"  # a reading that failed since


@pytest.mark.parametrize(
    ("passed", "told"),
    [
        (-SECOND, "09:00 UTC (just now)"),
        (59 * SECOND, "08:59 UTC (just now)"),
        (60 * SECOND, "08:59 UTC (1 min ago)"),
        (HOUR, "08:00 UTC (1 h ago)"),
        (DAY - 1, "22 Nov 09:00 UTC (23 h ago)"),
        (DAY, "22 Nov 09:00 UTC"),
    ],
)
def test_an_instant_is_told_with_its_age_for_a_day(passed, told):
    assert moment(NOW - passed, "UTC", NOW) == told


def test_bars_tell_what_they_show_to_those_who_do_not_see_them():
    page = Page(html(shown(meter(INFERENCE, used=201_000, held=234)), live=True))
    bar = next(attributes for _, attributes in page.tags if attributes.get("role") == "progressbar")
    assert bar["aria-label"] == "Inference tokens"
    assert bar["aria-valuetext"] == "1,234 over 200,000"
    assert int(bar["aria-valuemin"]) <= int(bar["aria-valuenow"]) <= int(bar["aria-valuemax"])


@pytest.mark.parametrize(
    ("granted", "used", "held"), [(0, 0, 0), (0, 5, 0), (10, -3, 2), (10, 4, 8), (10, 3, 7)]
)
def test_the_parts_of_a_bar_never_leave_it(granted, used, held):
    page = Page(html(shown(meter(INFERENCE, granted=granted, used=used, held=held)), live=True))
    widths = [
        float(found[1])
        for _, tag in page.tags
        if (found := re.match(r"width:([\d.-]+)%", tag.get("style", "")))
    ]
    assert all(width >= 0 for width in widths)
    assert sum(widths) <= 100.01


def test_every_colour_is_the_themes():
    for state, _ in STATES.values():
        bare = re.sub(r"var\(--jp-[a-z0-9-]+,[^()]+\)", "", html(state, live=True))
        assert not re.search(r"#[0-9a-f]{3,6}\b|rgb|hsl", bare)


def test_names_from_outside_are_text_and_never_tags():
    evil = "<img src=x onerror=alert(1)>"
    state = shown(
        meter(INFERENCE, source=evil),
        account=Account(evil, evil),
        last=replace(LAST, model=evil),
        trouble=evil,
    )
    page = Page(html(state, live=True))
    assert {tag for tag, _ in page.tags} == {"section", "div", "span", "b"}
    assert page.text.count(evil) == 4
    assert [evil in tag[1]["title"] for tag in page.tags if "title" in tag[1]] == [True]


@pytest.mark.long
def test_a_debit_of_another_process_shows_without_a_cell(session, follow):
    session.set_plan(inference=1000)
    state = follow(contact=False)
    debit_elsewhere(session.ledger.path, session.account, 63)
    assert becomes(state, lambda shown: shown.last is not None and shown.balance.inference.remaining == 937)
    assert (state.shown.last.model, state.shown.last.tokens, state.shown.last.source) == (
        "a-model",
        63,
        "billed",
    )
    assert state.shown.trouble == ""


def test_without_a_key_the_reason_is_shown_until_another_kernel_makes_contact(session, follow):
    state = follow()
    assert state.shown.trouble.startswith("no Ask Sage key.")
    Ledger(session.ledger.path).open_month(session.account, INFERENCE, 500, used=20, source="Ask Sage")
    assert becomes(state, lambda shown: shown.balance.inference.remaining == 480)
    assert state.shown.trouble == ""


def test_a_month_that_ends_shows_although_nothing_was_committed(follow):
    clock = Clock(at(2026, 11, 30, 23, 59))
    session = Session(AskSage.instance(), clock=clock)
    session.set_plan(inference=1000)
    session.ledger.correct(session.account, INFERENCE, 400, op=new_op())
    state = follow(session, contact=False, clock=clock, tick_s=0.01)
    assert state.shown.balance.inference.remaining == 600
    clock.t = at(2026, 12, 1)
    assert becomes(state, lambda shown: shown.balance.inference.remaining == 1000)
    assert state.shown.balance.resets_words(state.shown.now) == "Resets 1 Jan 2027 · 31 days left"
    session.close()


class Faulty:
    """A ledger that fails when it is told to."""

    def __init__(self, folder):
        self.folder = folder
        self.error = None
        self.on_change = None

    def balance(self, account):
        if self.error:
            raise self.error
        return Balance(account, meter(INFERENCE), meter(TRAINING))

    def last_call(self, account):
        return None

    def open_calls(self, account):
        return []

    def watch(self, on_change):
        self.on_change = on_change
        return lambda: None


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (LedgerUnusable("the disk is full: free some space."), "the disk is full: free some space."),
        (ZeroDivisionError("sk-secret"), "the ledger could not be read (ZeroDivisionError)"),
    ],
)
def test_a_failing_update_leaves_the_old_figures_with_the_reason(follow, error, told, tmp_path):
    ledger, account = Faulty(tmp_path), Account("api.example", "jane@example")
    session = SimpleNamespace(account=account, ledger=ledger, balance=lambda: None, settings=HasTraits())
    session.within_envelopes = lambda balance, ledger: balance
    clock = Clock(NOW)
    state = follow(session, clock=clock)
    before = state.shown
    ledger.error, clock.t = error, NOW + HOUR
    ledger.on_change()
    assert state.shown == replace(before, trouble=told, now=NOW + HOUR)
    assert words.notice(state.shown) == f"Not up to date since 23 Nov 09:00 UTC: {told}"
    ledger.error = None
    ledger.on_change()
    assert state.shown == replace(before, read_at=NOW + HOUR, now=NOW + HOUR)


def test_a_ledger_that_cannot_be_opened_is_told_and_followed_once_it_can(tmp_path, follow):
    (tmp_path / "in-the-way").touch()
    settings = AskSage.instance()
    settings.ledger = str(tmp_path / "in-the-way" / "ledger.db")
    session = Session(settings)
    state = follow(session, tick_s=0.01)
    assert state.shown.balance is None
    assert "in-the-way" in state.shown.trouble
    (tmp_path / "in-the-way").unlink()
    assert becomes(state, lambda shown: shown.balance is not None)
    session.ledger.set_plan(session.account, INFERENCE, 5, source="me")
    assert becomes(state, lambda shown: shown.balance.inference.remaining == 5)
    session.close()


def test_a_front_end_that_goes_away_does_not_end_the_watch(session, follow):
    state = follow(contact=False, tick_s=0.01)
    failed = threading.Event()

    def fail(_):
        failed.set()
        raise OSError("the socket is closed")

    state.observe(fail, "shown")
    assert failed.wait(WAIT_S)
    state.unobserve(fail, "shown")
    before = state.shown.now
    assert becomes(state, lambda shown: shown.now > before)


def threads():
    return {thread for thread in threading.enumerate() if thread.name.startswith("asksage")}


def test_closing_ends_the_threads_and_is_harmless_twice():
    before = threads()
    shown_panel = panel()
    started = threads() - before
    assert len(started) == 3
    shown_panel.close()
    for thread in started:
        thread.join(WAIT_S)
    assert not threads() & started
    shown_panel.close()


def test_a_closed_panel_is_not_written_any_more():
    current().set_plan(inference=10)
    shown_panel = panel()
    state, before = shown_panel._state, shown_panel.value
    shown_panel.close()
    current().set_plan(inference=20)
    state.refresh()
    assert (shown_panel.value, state.shown.balance.inference.granted) == (before, 10)


def test_a_kernel_has_one_panel_and_a_new_one_after_it_was_closed():
    first = panel()
    assert panel() is first
    before = threads()
    panel()
    assert len(threads()) <= len(before)
    first.close()
    assert panel() is not first


def test_where_threads_cannot_start_the_panel_shows_all_the_same(monkeypatch, session, follow):
    session.set_plan(inference=10)

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    state = follow()
    assert state.shown.balance.inference.granted == 10
    session.set_plan(inference=20)
    state.refresh()
    assert state.shown.balance.inference.granted == 20


def test_the_panel_moves_to_another_account_when_a_setting_changes():
    current().set_plan(inference=10)
    shown_panel = panel()
    AskSage.instance().email = "jane@example"
    assert "jane@example at api.asksage.ai" in shown_panel.value
    with pytest.raises(TraitError):
        AskSage.instance().url = "http://not-loopback.example"  # refused, and the panel stays where it is
    assert "jane@example at api.asksage.ai" in shown_panel.value


def test_where_widgets_do_not_render_text_and_html_tell_the_same():
    current().set_plan(inference=200_000, training=7)
    bundle = panel()._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == panel().model_id
    assert "Inference: 200,000 of 200,000 left · 0 used" in bundle["text/plain"]
    assert "7 of 7 left" in Page(bundle["text/html"]).text


def test_the_key_is_in_no_state_of_the_widget(monkeypatch):
    key = "sk-0123456789abcdef"
    monkeypatch.setenv("ASKSAGE_API_KEY", key)
    AskSage.instance(url="http://127.0.0.1:1")  # nobody listens there
    shown_panel = panel()
    assert shown_panel._state.shown.trouble
    told = json.dumps([shown_panel.get_state(), shown_panel._repr_mimebundle_()])
    assert key not in told
    assert "127.0.0.1" in told or "localhost" in told


@pytest.mark.long
def test_a_script_with_a_panel_ends_by_itself():
    script = "import asksage_jupyter as a; print(a.panel()._repr_mimebundle_()['text/plain'])"
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], timeout=WAIT_S, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "No Ask Sage key" in ended.stdout
