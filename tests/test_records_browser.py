"""Records that people send or read on a page of their own, as a browser shows them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from lab import chromium, needs_chromium, picture
from ledger_desk import DAY, HOUR, INFERENCE, Clock, a_bill, a_call, at
from tenant import says

import asksage_jupyter as sage
from asksage_jupyter.account import Account
from asksage_jupyter.ledger import Ledger
from asksage_jupyter.span import Span
from asksage_jupyter.statements.gather import gather
from asksage_jupyter.team import Team

pytestmark = [pytest.mark.long, needs_chromium]
HOST = "api.example.org"
ANA, BEN, CLEO = (f"{name}@example.org" for name in ("ana", "ben", "cleo"))
CODES = {ANA: '{"wbs":"1234.5"}', BEN: '{"wbs":"1234.5"}', CLEO: '{"wbs":"7001.2"}'}


@pytest.fixture
def shown():
    """Open HTML in a window; it must fit there, and ask for nothing from anywhere."""
    with chromium() as browser:

        def show(html, *, name, width=720, height=900, narrow=360):
            page = browser.new_page(viewport={"width": width, "height": height})
            asked = []
            page.on("request", lambda request: asked.append(request.url))
            page.set_content(html if html.startswith("<!DOCTYPE") else f"<body>{html}")
            region = page.locator("body")
            picture(page, name, region, region)
            page.set_viewport_size({"width": narrow, "height": 640})
            assert page.evaluate("document.documentElement.scrollWidth") <= narrow
            assert asked == []
            return page

        yield show


def used(ledger, clock, holder, tokens, **fields):
    call = replace(a_call(tokens, clock), **fields)
    ledger.hold(holder, call, due=clock() + HOUR)
    ledger.settle(call.op, a_bill(tokens))


def test_a_teams_report_is_a_page_to_send(shown, tmp_path):
    clock = Clock(at(2026, 11, 2, 10))
    with closing(Ledger(tmp_path / "ledger.sqlite", clock=clock)) as ledger:
        team = Team.make(ledger, HOST, "lab", "UTC", {INFERENCE: 400_000})
        team.add(ANA, {INFERENCE: 120_000}, None)
        team.add(BEN, {INFERENCE: 90_000}, None)
        team.add(CLEO, {}, None)
        while clock.t < at(2026, 11, 23):
            weekday = (clock.t // DAY + 3) % 7
            for at_place, (name, code) in enumerate(CODES.items() if weekday < 5 else ()):
                tokens = 3_000 + 1_700 * at_place + 350 * weekday
                model = "gpt-5-mini" if at_place else "google-claude-45-haiku"
                used(ledger, clock, Account(HOST, name), tokens, model=model, tags=code)
            clock.t += DAY
        team.grant("ana", INFERENCE, 50_000, "2026-12-05")
        report = team.report(clock())
    page = shown(report.to_html(), name="team")
    for row in (ANA, BEN, CLEO, "1234.5", "google-claude-45-haiku"):
        assert page.get_by_role("cell", name=row).first.is_visible()
    days = page.get_by_role("img", name="Inference by day, most on 6 Nov: 18,300 tokens")
    assert days.is_visible()
    assert page.get_by_text("set_plan").count() == 0  # what the pool has no tokens of is not its affair
    assert page.get_by_text("50,000 until 5 Dec").is_visible()
    assert page.get_by_text("at this pace").first.is_visible()


def test_a_statement_of_any_time_is_a_page(shown, tmp_path):
    clock, me = Clock(at(2026, 9, 14, 9)), Account(HOST, ANA)
    with closing(Ledger(tmp_path / "ledger.sqlite", clock=clock)) as ledger:
        ledger.set_plan(me, INFERENCE, 60_000, source="the service")
        for day in range(70):
            project, code = (("atlas", CODES[ANA]), ("tides", CODES[CLEO]))[day % 2]
            used(ledger, clock, me, 700 + 13 * day, model="gpt-5-mini", project=project, tags=code)
            clock.t += DAY
        told = gather(ledger, me, Span(at(2026, 9, 21), at(2026, 11, 21)))
    page = shown(told.to_html(), name="range")
    assert page.get_by_text("Token statement, 21 Sep 2026 to 20 Nov 2026").is_visible()
    assert page.get_by_role("cell", name="7001.2").is_visible()


def test_why_a_call_cost_what_it_did_fits_where_it_stands(shown, server):
    usage = {"prompt_tokens": 5_310, "completion_tokens": 214, "total_tokens": 5_524}
    says(server, "Blue.", usage={"model_tokens": usage, "asksage_tokens": 410})
    sage.ask("Why is the sky blue? " * 40)
    says(server, "Bluer.", usage={"model_tokens": usage, "asksage_tokens": 455})
    why = sage.ask("And the sea? " * 60, history=1, persona=5).why
    page = shown(why._repr_html_(), name="why", height=236, narrow=560)
    assert page.get_by_role("cell", name="history").is_visible()
    assert page.get_by_text("with --history 0 about").is_visible()
