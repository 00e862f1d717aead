"""The statement: sums that equal the ledger's entries, in every form it takes."""

import csv
import io
import re
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from ledger_desk import DAY, INFERENCE, ME, Clock, a_bill, a_call, at
from test_ledger_model import LedgerAgainstModel

from asksage_jupyter.account import Account, Meter, Source
from asksage_jupyter.errors import BadInput
from asksage_jupyter.ledger import CALL_COLUMNS, Ledger
from asksage_jupyter.month import bounds, period_at
from asksage_jupyter.session import current
from asksage_jupyter.settings import AskSage
from asksage_jupyter.span import Span, span, words_of
from asksage_jupyter.statements import statement, words
from asksage_jupyter.statements.gather import gather

TOKENS = CALL_COLUMNS.index("tokens")


@pytest.fixture
def clock():
    return Clock(at(2026, 10, 5, 9))


@pytest.fixture
def ledger(tmp_path, clock):
    ledger = Ledger(tmp_path / "ledger.sqlite", clock=clock)
    yield ledger
    ledger.close()


@pytest.fixture
def october(ledger, clock):
    """A ledger with a busy October, read in November."""
    ledger.open_month(ME, INFERENCE, 1000, used=40, source="the service")
    ledger.set_plan(ME, Meter.TRAINING, 500, source="me")
    ledger.grant(ME, INFERENCE, 200, source="top-up:1", starts=at(2026, 10, 5), ends=at(2026, 12, 5))
    spend(ledger, 300, notebook="a|b_*.ipynb", project="atlas")
    spend(ledger, 60, notebook="<b>.ipynb", source=Source.PRICED)
    spend(ledger, 7, notebook="a|b_*.ipynb", meter=Meter.TRAINING)
    ledger.set_plan(ME, INFERENCE, 1100, source="me")
    ledger.correct(ME, INFERENCE, 25, op="other-devices:1")
    hold(ledger, 50)
    clock.t = at(2026, 11, 2)
    spend(ledger, 11)
    return ledger


def hold(ledger, tokens, **fields):
    call = a_call(tokens, ledger._clock, **fields)
    ledger.hold(ME, call, due=ledger._clock() + 90 * DAY)
    return call.op


def spend(ledger, tokens, *, source=Source.BILLED, **fields):
    ledger.settle(hold(ledger, tokens, **fields), a_bill(tokens, source))


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def figures(text, meter="inference"):
    return {
        row["name"]: row["tokens"] and int(row["tokens"])
        for row in rows(text)
        if row["section"] == "month" and row["meter"] == meter
    }


# What it states


def test_a_past_month_is_stated_line_by_line(october):
    told = gather(october, ME, "2026-10")
    assert told.period == "2026-10"
    assert figures(told.to_csv()) == {
        "brought": 0,
        "granted": 1100,
        "topped_up": 200,
        "used": 425,
        "corrections": 65,
        "held": 50,
        "expired": 625,
        "remaining": 200,
    }
    assert figures(told.to_csv(), "training")["expired"] == 493


def test_the_next_month_brings_the_top_up_along(october):
    told = figures(gather(october, ME, None).to_csv())
    assert (told["brought"], told["granted"], told["used"], told["remaining"]) == (200, 1100, 11, 1289)
    assert told["expired"] == 0


def test_every_division_of_the_calls_sums_to_them(october):
    for month in gather(october, ME, "2026-10").meters:
        for parts in month.groups.values():
            assert sum(part.tokens for part in parts) == month.figures.calls
            assert sum(part.calls for part in parts) == month.calls
    by_notebook = gather(october, ME, "2026-10").meters[0].groups["notebook"]
    assert [(part.name, part.tokens) for part in by_notebook] == [("a|b_*.ipynb", 300), ("<b>.ipynb", 60)]


def test_as_text_it_is_markdown_whose_names_cannot_break_a_table(october):
    text = str(gather(october, ME, "2026-10"))
    assert text.startswith("# Token statement, October 2026\n")
    assert re.search(r"\| Other devices and corrections +\| +−65 \| +0 \|", text)
    assert re.search(r"\| Used by calls +\| +−360 \| +−7 \|", text)
    assert re.search(r"\| a\\\|b\\_\\\*\.ipynb +\| +1 \| +300 \|", text)
    assert r"\<b>.ipynb" in text
    assert "1 inference call is still open: 50 tokens are held" in text
    assert repr(gather(october, ME, "2026-10")) == text


def test_as_html_it_escapes_names_and_uses_the_themes_colours(october):
    told = gather(october, ME, "2026-10")
    fragment = told._repr_html_()
    assert "&lt;b&gt;.ipynb" in fragment
    assert "<b>.ipynb" not in fragment
    assert "var(--jp-brand-color1" in fragment
    assert fragment in told.to_html()
    assert told.to_html().startswith("<!DOCTYPE html>")
    assert "<script" not in told.to_html()


def test_the_bars_are_those_of_a_balance(october):
    told = gather(october, ME, "2026-10")
    html = told.to_html()
    bars = re.findall(r'role="progressbar" aria-label="(\w+ tokens)"', html)
    assert bars == ["Inference tokens", "Training tokens"][: len(bars)] and bars
    used = next(month.figures.used for month in told.meters)
    assert f">{used:,} used<" in html


def test_csv_is_returned_or_written(october, tmp_path):
    told = gather(october, ME, "2026-10")
    path = tmp_path / "october.csv"
    assert told.to_csv(path) is None
    assert path.read_bytes().decode() == told.to_csv()
    assert {row["period"] for row in rows(told.to_csv())} == {"2026-10"}
    by_model = [row for row in rows(told.to_csv()) if row["section"] == "model"]
    assert [(row["meter"], row["name"], row["calls"], row["tokens"]) for row in by_model] == [
        ("inference", "a-model", "2", "360"),
        ("training", "a-model", "1", "7"),
    ]


# Its foot


def test_at_the_foot_stand_the_verification_the_chains_head_the_account_and_the_time(october):
    text = gather(october, ME, "2026-10").to_markdown()
    found = october.verify()
    assert f"Ledger verified, {found.entries} entries: no problem." in text
    assert found.head in text
    assert "me@example at api.example · months of UTC · as of 2 Nov 2026 00:00 UTC." in text
    assert "Plan: from me." in text


def test_a_ledger_that_was_changed_behind_our_back_is_told_at_the_foot(october):
    path = october.path
    october.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE entry SET tokens = 1 WHERE kind = 'correct' AND op = 'other-devices:1'")
    connection.commit()
    connection.close()
    ledger = Ledger(path, clock=Clock(at(2026, 11, 2)))
    told = gather(ledger, ME, "2026-10")
    assert "The ledger does NOT add up" in str(told)
    assert 'role="alert"' in told._repr_html_()
    ledger.close()


# Months of which there is little to say


def test_an_empty_month_says_so_in_every_form(october):
    told = gather(october, ME, "2025-03")
    for text in (told.to_markdown(), told.to_html()):
        assert "Nothing was granted or spent in March 2025" in text
        assert "Ledger verified" in text
    assert figures(told.to_csv())["granted"] == ""


def test_a_month_without_calls_shows_what_was_granted(ledger):
    ledger.set_plan(ME, INFERENCE, 1000, source="me")
    told = gather(ledger, ME, None)
    assert re.search(r"\| Granted +\| +1,000 \| not known \|", str(told))
    assert "by model" not in str(told)


def test_overage_is_said_in_words(ledger, clock):
    ledger.set_plan(ME, INFERENCE, 100, source="me")
    ledger.settle(hold(ledger, 100), a_bill(130))
    assert "Inference is 30 tokens over." in str(gather(ledger, ME, None))


@pytest.mark.parametrize("period", ["", "October", "2026-13"])
def test_a_period_that_is_no_month_is_told_in_one_line(period):
    with pytest.raises(BadInput, match="write it like 2026-11"):
        statement(period)


def test_it_states_the_current_account_without_a_key():
    AskSage.instance(email="me@example")
    session = current()
    session.ledger.set_plan(session.account, INFERENCE, 1000, source="me")
    told = statement()
    assert told.period == period_at(session.ledger._clock())
    assert "me@example" in str(told)
    assert statement(told.period).to_csv() == told.to_csv()


def test_another_accounts_month_is_not_in_it(october):
    assert "Nothing was granted" in str(gather(october, Account("api.example", "you@example"), "2026-10"))


# Any range


def test_a_range_is_stated_from_what_was_brought_to_what_is_left(october):
    told = gather(october, ME, Span(at(2026, 10, 20), at(2026, 11, 3)))
    assert told.period == "2026-10-20/2026-11-02"
    assert figures(told.to_csv()) == {
        "brought": 825,
        "granted": 1100,
        "topped_up": 0,
        "used": 11,
        "corrections": 0,
        "held": 0,
        "expired": 625,
        "remaining": 1289,
    }
    assert str(told).startswith("# Token statement, 20 Oct 2026 to 2 Nov 2026\n")
    assert re.search(r"\| Brought forward +\| +825 \| +493 \|", str(told))


def test_a_range_over_months_has_their_calls_and_tokens_together(october):
    told = gather(october, ME, Span(None, None))
    assert told.period == "../.."
    assert figures(told.to_csv())["granted"] == 2200
    assert figures(told.to_csv())["used"] == 436
    assert told.meters[0].calls == 3
    assert str(told).startswith("# Token statement, to now\n")


def test_a_range_is_told_by_days_and_by_words_for_them(october):
    AskSage.instance(email="me@example")
    month = statement().period
    assert statement(since=f"{month}-01", until=f"{month}-28").period == f"{month}-01/{month}-28"
    one = statement(since="yesterday", until="yesterday").period.split("/")
    assert one[0] == one[1]
    assert statement(since="2026-11-01T14:00").period == "2026-11-01T14:00/.."
    with pytest.raises(BadInput, match="not both"):
        statement(month, since="today")
    with pytest.raises(BadInput, match="since is a date like"):
        statement(since="soon")


@pytest.mark.parametrize(
    ("zone", "since", "until", "name"),
    [
        ("America/Santiago", "2026-09-05", "2026-09-05", "2026-09-05/2026-09-05"),
        ("America/Santiago", "2026-09-06", "2026-09-06", "2026-09-06/2026-09-06"),  # which begins at 1:00
        ("America/New_York", "2026-11-01", "2026-11-01", "2026-11-01/2026-11-01"),  # of 25 hours
        ("UTC", "2028-02-29", "2028-02-29", "2028-02-29/2028-02-29"),
        ("UTC", "2026-11-23T14:00:30", "2026-11-23T15:00", "2026-11-23T14:00:30/2026-11-23T15:00"),
    ],
)
def test_a_range_is_named_as_it_was_told(zone, since, until, name):
    named = span(None, since, until, zone).name(zone)
    assert named == name
    assert words_of(named).count(":") == name.count(":")


# Any history


class MonthsAddUp(LedgerAgainstModel):
    """The random histories of the ledger's own model, closed with the statements of all their months."""

    def teardown(self):
        if hasattr(self, "ledger"):
            check_months(self.ledger, self.periods())
            self.check_the_present()
        super().teardown()

    def periods(self):
        moments = [asked.held_at for ((_, asked), *_) in self.calls.values()] + [self.now(ME)]
        with self.ledger._store.reading() as connection:
            moments += connection.exec_driver_sql("SELECT t FROM entry").scalars()
        return sorted({period_at(t) for t in moments} | set(self.purses[ME].months))

    def check_the_present(self):
        month, now, mine = self.ledger.month(ME, INFERENCE), self.now(ME), self.purses[ME]
        if all(pot.starts <= now < pot.ends for pot in mine.tops):
            assert month.remaining == self.ledger.balance(ME).inference.remaining
        for period, pot in mine.months.items():
            expected = max(0, pot.room) if pot.ends <= now else 0
            month = self.ledger.month(ME, INFERENCE, period)
            assert month.granted == pot.granted
            if not mine.tops:
                assert (month.used, month.held, month.expired) == (pot.used, pot.held, expected)


def check_months(ledger, periods):
    used = held = opened = 0
    listed = []
    for period in periods:
        month, calls = ledger.month_with_calls(ME, INFERENCE, period)
        check_cut(ledger, month, calls)
        assert month.used == sum(call[TOKENS] for call in calls) + month.corrections
        assert month.used == ledger.used_in(ME, INFERENCE, period)
        used, held, opened = used + month.used, held + month.held, opened + month.open_holds
        listed += calls
    with ledger._store.reading() as connection:
        totals = connection.exec_driver_sql(
            "SELECT sum(used), sum(held) FROM entry e JOIN grant_ g ON g.id = grant_id "
            f"JOIN account a ON a.id = account_id WHERE holder = '{ME.holder}' "
            "AND seq = (SELECT max(seq) FROM entry WHERE grant_id = e.grant_id)"
        ).one()
    assert (used, held, opened) == (*totals, len(ledger.open_calls(ME)))
    assert sorted(listed) == sorted(ledger.calls(ME))
    presumed = [call for call in ledger.unsettled(ME, INFERENCE) if call.presumed]
    assert sum(call.tokens for call in presumed) == sum(
        call[TOKENS] for call in ledger.calls(ME) if call[CALL_COLUMNS.index("source")] == Source.PRESUMED
    )


def check_cut(ledger, month, calls):
    """A month's two halves make the month, and as a span it is what it is as a month."""
    first, last = bounds(month.period)
    middle = (first + last) // 2
    whole, early, late = (
        ledger.month_with_calls(ME, INFERENCE, Span(*each))
        for each in ((first, last), (first, middle), (middle, last))
    )
    assert replace(whole[0], period=month.period) == month
    assert whole[1] == calls
    assert sorted(early[1] + late[1]) == sorted(calls)
    for name in ("granted", "topped_up", "used", "corrections", "held", "open_holds", "expired"):
        assert getattr(early[0], name) + getattr(late[0], name) == getattr(month, name), name
    assert early[0].brought == month.brought
    # A top-up that ended is brought on no more, nor is what was spent above it. One that will end before a
    # middle which is to come is left today, and will not be brought on.
    assert late[0].brought >= early[0].remaining or middle > month.as_of
    if not month.topped_up and not month.brought:
        assert late[0].brought == early[0].remaining


MonthsAddUp.TestCase.settings = settings(max_examples=20, stateful_step_count=40)
test_the_months_add_up_to_the_ledger_whatever_happened = pytest.mark.long(MonthsAddUp.TestCase)


def test_notebooks_below_the_home_folder_are_named_from_there():
    path = str(Path.home() / "notes" / "tides.ipynb")
    assert words.part_name("notebook", path) == str(Path("~/notes/tides.ipynb"))
    assert words.part_name("notebook", "/srv/tides.ipynb") == "/srv/tides.ipynb"
    assert words.part_name("model", path) == path
