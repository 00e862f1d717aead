"""The sidebar and the status bar: a real JupyterLab, a real browser, and debits by other processes."""

import re
import socket
from contextlib import closing

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from lab import (
    PICTURES_WANTED,
    QUICKSTART,
    WAIT_MS,
    Lab,
    command,
    demo_lab,
    needs_chromium,
    opened,
    picture,
    plain_lab,
    set_theme,
    visit,
)
from ledger_desk import DAY, HOUR, Clock
from playwright.sync_api import expect
from tenant import environment, open_tenant

from asksage_jupyter.account import Account, Bill, Call, Meter, Source
from asksage_jupyter.account.records import DEMO_HOLDER
from asksage_jupyter.ledger import Ledger, LedgerView, new_op
from asksage_jupyter.month import bounds, now, period_at, to_datetime

pytest_plugins = ["lab_fixtures"]
pytestmark = needs_chromium

DEMO = Account("localhost", DEMO_HOLDER)
NOTEBOOKS = ("tides", "report", "tides", "currents", "tides")
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
LOOK = {"viewport": {"width": 1280, "height": 800}, "device_scale_factor": 1}
SELECTED = "() => window.jupyterapp.shell.currentWidget.content.activeCell.model"
RESTART = """() => {
    const { sessionContext } = window.jupyterapp.shell.currentWidget.context;
    sessionContext.restartKernel().then(() => { window.restarted = true; });
}"""
LISTEN = """() => {
    window.hints = 0;
    window.jupyterapp.serviceManager.events.stream.connect((_, event) => {
        window.hints += event.schema_id === 'urn:asksage-jupyter:ledger-changed';
    });
}"""
HIDE = """(hidden) => {
    Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event('visibilitychange'));
}"""
# An editor keeps Shift+Tab to itself, so the way begins behind it.
LAST_OF_STATUS_BAR = """() => [...document.querySelectorAll(
    "#jp-main-statusbar button, #jp-main-statusbar [tabindex='0'], #jp-main-statusbar a"
)].pop().focus()"""
FOCUSED = "() => document.activeElement.dataset.asksage ?? document.activeElement.className"


def write_notebook(path):
    """A notebook that asks in its second cell and is longer than the screen; its cells are c0, c1, ..."""
    sources = [
        "%load_ext asksage_jupyter",
        "%%asksage\nName one sea.",
        *(f"# {n}" for n in range(40)),
        "a = 1",
    ]
    cells = [nbformat.v4.new_code_cell(source, id=f"c{n}") for n, source in enumerate(sources)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), path)
    return path


@pytest.fixture(scope="module")
def notebook(lab):
    write_notebook(lab.folder / "currents.ipynb")
    return write_notebook(lab.folder / "tides.ipynb")


@pytest.fixture(scope="module")
def page(lab, browser, notebook):
    """A notebook whose cells have run, and the sidebar beside it; what goes wrong in our part fails."""
    page = opened(browser, lab, notebook, permissions=["clipboard-read", "clipboard-write"], **LOOK)
    complaints = complaints_of(page)
    command(page, "asksage:open")
    command(page, "notebook:run-all-cells")
    expect(receipt(page)).to_contain_text("billed")
    yield page
    assert complaints == []


@pytest.fixture(scope="module")
def ledger(lab, page):
    """The ledger of the lab's kernels and server, in a process that is none of them."""
    with closing(Ledger(lab.ledger)) as ledger:
        yield ledger


@pytest.fixture
def leave(ledger):
    """Books what leaves so many inference tokens; given back at the end."""
    before = meter(ledger).remaining

    def book(tokens):
        ledger.correct(account(ledger), Meter.INFERENCE, meter(ledger).remaining - tokens, op=new_op())

    yield book
    book(before)


def complaints_of(page):
    """What the page says of errors that are ours, as it comes."""
    complaints = []

    def heard(message):
        if message.type in ("error", "warning") and "asksage" in f"{message.text} {message.location}":
            complaints.append(message.text)

    def raised(error):
        if "asksage" in str(error.stack):
            complaints.append(str(error))

    page.on("console", heard)
    page.on("pageerror", raised)
    return complaints


def account(ledger):
    return ledger.accounts()[0].account


def meter(ledger):
    return ledger.balance(account(ledger)).inference


def spend(ledger, tokens, **fields):
    """A call as a kernel's, held and settled."""
    call = Call(new_op(), now(), "a-model", Meter.INFERENCE, tokens, **fields)
    ledger.hold(account(ledger), call, due=now() + HOUR)
    ledger.settle(call.op, Bill(tokens, Source.BILLED))


def spend_since_the_first(path):
    """The demo's ledger as it might be by now, had somebody used it each working day of the month."""
    starts, _ = bounds(period_at(now(), "UTC"), "UTC")
    clock = Clock(starts)
    with closing(Ledger(path, clock=clock)) as ledger:
        ledger.set_plan(DEMO, Meter.INFERENCE, 200_000, source="the local demo")
        ledger.set_plan(DEMO, Meter.TRAINING, 200_000, source="the local demo")
        for day in range((now() - starts) // DAY):
            clock.t = starts + day * DAY + 10 * HOUR
            tokens = 1_500 + 6_100 * (day * day % 11) // 10
            if to_datetime(clock.t).weekday() < 5:
                notebook = str(path.with_name(f"{NOTEBOOKS[day % len(NOTEBOOKS)]}.ipynb"))
                call = Call(new_op(), clock.t, "local-smollm2-135m", Meter.INFERENCE, tokens, notebook)
                ledger.hold(DEMO, call, due=clock.t + HOUR)
                ledger.settle(call.op, Bill(tokens, Source.BILLED))


def part(page, name):
    return page.locator(f'[data-asksage="{name}"]')


def receipt(page):
    return page.locator(".jp-CodeCell", has_text="Name one sea").locator(".jp-OutputArea-output").last


def shows(page, ledger):
    """Status bar and sidebar tell what the ledger holds."""
    found = meter(ledger)
    expect(part(page, "status")).to_contain_text(f" {found.remaining:,} left")
    expect(part(page, "remaining-inference")).to_have_text(f"{found.remaining:,}")
    expect(part(page, "meter-inference")).to_contain_text(f"of {found.granted:,} left")
    expect(part(page, "meter-inference")).to_contain_text(f"{found.used:,} used")


def choose(page, words):
    """Run a command from the palette, as a person does."""
    page.keyboard.press("Control+Shift+C")
    page.keyboard.insert_text(words)
    expect(page.locator(".lm-CommandPalette-item.lm-mod-active")).to_contain_text(words)
    page.keyboard.press("Enter")


def violations(page, *places):
    """What axe finds wrong there."""
    found = Axe().run(page, context={"include": [[place] for place in places]})
    assert found.response["passes"]
    return found.generate_report() if found.violations_count else ""


# Figures


def test_a_cell_debits_the_status_bar_and_the_sidebar(page, ledger):
    shows(page, ledger)
    before = part(page, "status").inner_text()
    command(page, "notebook:run-all-cells")
    expect(part(page, "status")).not_to_have_text(before)
    expect(receipt(page)).to_contain_text("billed")
    shows(page, ledger)
    expect(part(page, "account")).to_have_text("Local demo (not Ask Sage tokens)")
    expect(part(page, "notebook-tokens")).to_contain_text("2 calls")
    expect(part(page, "calls").locator("li").first).to_contain_text("Cell 2 · Name one sea.")
    expect(part(page, "calls").locator("li").first).to_contain_text("local-smollm2")


def test_the_refresh_button_compares_with_the_service(page):
    part(page, "refresh").click()
    expect(part(page, "note")).to_have_text("Agrees with the service.")
    expect(part(page, "age")).to_have_text(re.compile(r"^Checked .* UTC \(just now\)$"))


def test_a_debit_of_another_process_shows_without_a_cell(page, ledger):
    spend(ledger, 1_234)
    shows(page, ledger)
    expect(part(page, "calls").locator("li").first).to_contain_text("1,234")


def test_a_held_call_is_told_while_it_runs(page, ledger):
    call = Call(new_op(), now(), "a-model", Meter.INFERENCE, 4_321)
    ledger.hold(account(ledger), call, due=now() + HOUR)
    expect(part(page, "meter-inference")).to_contain_text("4,321 held")
    expect(part(page, "open")).to_have_text(re.compile("^1 call without a bill yet: [0-9,]+ tokens held$"))
    ledger.void(call.op)
    expect(part(page, "open")).to_have_count(0)
    shows(page, ledger)


# The open notebook


def test_each_notebook_tells_its_own_spending(page, ledger, notebook):
    mine = part(page, "notebook-tokens").inner_text()
    expect(part(page, "notebook-again")).to_contain_text("which the month allows")
    spend(ledger, 77, notebook=str(notebook.with_name("currents.ipynb")), cell="gone")
    command(page, "docmanager:open", {"path": "currents.ipynb"})
    expect(part(page, "notebook-tokens")).to_have_text("77 tokens this month, 1 call")
    expect(part(page, "notebook")).to_contain_text("No longer in this notebook")
    page.get_by_role("tab", name="tides.ipynb").click()
    expect(part(page, "notebook-tokens")).to_have_text(mine)


def test_a_click_on_a_dear_cell_shows_and_selects_it(page, ledger, notebook):
    spend(ledger, 5_000, notebook=str(notebook), cell="c42")
    row = part(page, "notebook").get_by_role("button").first
    expect(row).to_have_text("Cell 43 · a = 15,000")
    row.click()
    page.wait_for_function(f"{SELECTED}.id === 'c42'", timeout=WAIT_MS)
    expect(page.locator(".jp-Notebook:visible .jp-Cell.jp-mod-active")).to_be_in_viewport()


def test_a_call_leads_to_its_cell_in_its_notebook_by_mouse_and_keyboard(page, ledger, notebook):
    spend(ledger, 78, notebook=str(notebook.with_name("currents.ipynb")), cell="c40")
    row = part(page, "calls").get_by_role("button").first
    expect(row).to_contain_text("Cell 41 · # 38")
    expect(row).to_contain_text("currents.ipynb")
    row.click()
    page.wait_for_function(f"{SELECTED}?.id === 'c40'", timeout=WAIT_MS)
    expect(page.locator(".jp-Notebook:visible .jp-Cell.jp-mod-active")).to_be_in_viewport()
    spend(ledger, 79, notebook=str(notebook), cell="c41")
    expect(row).to_contain_text("Cell 42 · # 39")
    row.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(f"{SELECTED}?.id === 'c41'", timeout=WAIT_MS)
    expect(part(page, "notebook")).to_contain_text("Cell 42 · # 39")


def test_a_kernel_that_restarts_changes_nothing(page, ledger):
    before = part(page, "notebook").inner_text()
    page.evaluate(RESTART)
    page.wait_for_function("() => window.restarted", timeout=WAIT_MS)
    spend(ledger, 11)
    shows(page, ledger)
    assert part(page, "notebook").inner_text() == before


# Commands and settings


def test_the_palette_has_a_cell_to_ask_a_cell_to_list_and_a_summary_to_paste(page, ledger):
    choose(page, "Insert an %%asksage Cell")
    page.wait_for_function(f"{SELECTED}.sharedModel.getSource() === '%%asksage\\n'")
    choose(page, "Show Ask Sage Usage as a DataFrame")
    page.wait_for_function(f"{SELECTED}.sharedModel.getSource().endsWith('usage()')")
    choose(page, "Copy a Month Summary as Markdown")
    expect(page.get_by_role("alert")).to_have_text("The month summary is on the clipboard.")
    assert f"{meter(ledger).remaining:,}" in page.evaluate("() => navigator.clipboard.readText()")
    choose(page, "Refresh the Ask Sage Balance")
    expect(part(page, "note")).to_have_text(re.compile("given back|Agrees|month's edge"))


def test_the_settings_have_another_figure_in_the_status_bar_or_none(page, ledger):
    command(page, "settingeditor:open", {"query": "Ask Sage"})
    form = page.get_by_role("group", name="Ask Sage")
    form.get_by_role("combobox").select_option("Tokens used")
    expect(part(page, "status")).to_contain_text(f" {meter(ledger).used:,} used")
    form.get_by_label("Show in the status bar").uncheck()
    expect(part(page, "status")).to_be_hidden()
    form.get_by_label("Show in the status bar").check()
    form.get_by_role("combobox").select_option("Tokens left")
    expect(part(page, "status")).to_contain_text(f" {meter(ledger).remaining:,} left")
    page.get_by_role("tab", name="tides.ipynb").click()


# Without a mouse, a colour, or eyes


def test_the_keyboard_alone_opens_reads_and_leaves(page):
    command(page, "application:toggle-right-area")
    expect(part(page, "refresh")).to_be_hidden()
    page.evaluate(LAST_OF_STATUS_BAR)
    for _ in range(20):
        if page.evaluate(FOCUSED) == "status":
            break
        page.keyboard.press("Shift+Tab")
    expect(part(page, "status")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Ask Sage tokens")).to_be_focused()
    page.keyboard.press("Tab")
    expect(part(page, "refresh")).to_be_focused()
    page.keyboard.press("Tab")
    expect(part(page, "notebook").get_by_role("button").first).to_be_focused()
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.activeElement.closest('.jp-Notebook')")


@pytest.mark.parametrize(
    ("remaining", "status", "word"),
    [(50_000, "50,000 left, low", "low"), (9_999, "9,999 left, very low", "very low"),
     (0, "used up", "used up"), (-1_200, "1,200 over", "over")],
)  # fmt: skip
def test_what_runs_short_is_told_in_words(page, leave, remaining, status, word):
    leave(remaining)
    expect(part(page, "status")).to_have_text(f"Local demo {status}")
    card = part(page, "meter-inference")
    expect(card.get_by_role("heading")).to_have_text(f"Inference{word}")
    expect(page.locator("[aria-live=polite]", has_text=f"Inference: {word}")).to_have_count(1)


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Dark High Contrast", "JupyterLab Light"])
def test_axe_finds_nothing_in_any_theme_or_state(page, leave, theme):
    set_theme(page, theme)
    for remaining in (150_000, 50_000, 9_999, -1_200):
        leave(remaining)
        expect(part(page, "status")).to_contain_text(f"{abs(remaining):,}")
        assert violations(page, ".jp-asksage-Sidebar", ".jp-asksage-StatusItem") == ""


def test_where_windows_forces_its_colours_bars_and_steps_are_still_seen(page, leave):
    leave(9_999)
    page.emulate_media(forced_colors="active")
    card = part(page, "meter-inference")
    for used in (card.locator(".jp-asksage-bar [data-kind=used]"), card.locator("li [data-kind=used]")):
        drawn = used.evaluate("(e) => getComputedStyle(e).backgroundColor")
        assert drawn != card.evaluate("(e) => getComputedStyle(e).backgroundColor")
    assert violations(page, ".jp-asksage-Sidebar", ".jp-asksage-StatusItem") == ""
    page.emulate_media(forced_colors="none")


def test_a_page_of_another_language_and_direction_has_it_whole_and_in_english(page, ledger):
    page.evaluate("() => { document.documentElement.lang = 'he'; document.documentElement.dir = 'rtl'; }")
    shows(page, ledger)
    for place in (".jp-asksage-Sidebar", '[data-asksage="status"]'):
        found = page.locator(place).first
        assert [found.get_attribute(name) for name in ("lang", "dir")] == ["en", "ltr"]
    axis = part(page, "month").locator(".jp-asksage-axis span")
    assert axis.first.bounding_box()["x"] < axis.last.bounding_box()["x"]  # as the bars are
    page.evaluate("() => { document.documentElement.lang = 'en'; document.documentElement.dir = 'ltr'; }")


# What is not asked, and what is told once


def test_a_hidden_page_asks_nothing_and_catches_up(browser, lab, page, ledger, notebook):
    hidden = opened(browser, lab, notebook, **LOOK)
    expect(part(hidden, "status")).to_contain_text(f"{meter(ledger).remaining:,} left")
    hidden.evaluate(LISTEN)
    hidden.evaluate(HIDE, True)
    asked = []
    hidden.on("request", lambda request: asked.append(request.url))
    spend(ledger, 13)
    hidden.wait_for_function("() => window.hints > 0", timeout=WAIT_MS)
    shows(page, ledger)
    assert not [url for url in asked if "/asksage/" in url]
    hidden.evaluate(HIDE, False)
    expect(part(hidden, "status")).to_contain_text(f"{meter(ledger).remaining:,} left")
    assert [url for url in asked if "/asksage/balance" in url]
    hidden.close()


def test_a_person_is_warned_once(browser, lab, notebook, ledger, leave):
    page = opened(browser, lab, notebook, **LOOK)
    leave(15_000)
    words = f"Local demo inference tokens: 15,000 of {meter(ledger).granted:,} left."
    expect(page.get_by_role("alert").filter(has_text=words)).to_have_count(1)
    visit(page, lab, notebook)
    leave(14_000)
    expect(part(page, "status")).to_contain_text("14,000 left")
    # Toasts come in their order: another warning would be there before this one.
    command(page, "asksage:copy-summary")
    expect(page.get_by_role("alert")).to_have_count(1)
    expect(page.get_by_role("alert")).to_contain_text("month summary")
    page.close()


# Other places


def test_notebook_7_tells_what_is_left_in_its_menu_bar(browser, lab, ledger, leave):
    leave(15_000)
    other = browser.new_page(**LOOK)
    complaints = complaints_of(other)
    other.goto(lab.at("notebooks/currents.ipynb"))
    item = other.locator("#menu-panel").locator('[data-asksage="status"]')
    expect(item).to_contain_text("15,000 left")
    menu, shown = other.locator("#menu-panel").bounding_box(), item.bounding_box()
    assert menu["y"] <= shown["y"] <= shown["y"] + shown["height"] <= menu["y"] + menu["height"]
    leave(14_000)
    expect(item).to_contain_text("14,000 left")  # without anything opened, and without a reload
    picture(other, "notebook-7", other.locator("#top-panel-wrapper"), other.locator(".jp-CodeCell").nth(1))
    item.click()
    expect(part(other, "remaining-inference")).to_have_text("14,000")
    assert complaints == []
    other.goto(lab.at("tree"))
    expect(item).to_contain_text("14,000 left")
    other.close()


def test_notebook_7_opens_the_sidebar_from_the_palette(browser, lab, page, ledger):
    other = browser.new_page(**LOOK)
    complaints = complaints_of(other)
    other.goto(lab.at("notebooks/currents.ipynb"))
    other.locator(".jp-Notebook .jp-Cell").first.click()
    choose(other, "Open the Ask Sage Sidebar")
    expect(part(other, "remaining-inference")).to_have_text(f"{meter(ledger).remaining:,}")
    expect(part(other, "notebook")).to_contain_text("this month")
    assert complaints == []
    other.close()


ASK = """
import sys
from openai import OpenAI
client = OpenAI(default_headers={"User-Agent": sys.argv[0]})
for prompt in sys.argv[1:]:
    events = client.chat.completions.create(
        model="local-smollm2-135m", messages=[{"role": "user", "content": prompt}], stream=True, max_tokens=20
    )
    print("".join(event.choices[0].delta.content or "" for event in events))
"""
ONE_METER = [
    "%load_ext asksage_jupyter\n%asksage serve --env",
    "%%asksage\nName one ocean.",
    "import sys\n!{sys.executable} report.py 'Sum up: all is well.'\n"
    "!{sys.executable} chat.py 'Hello!' 'Name one sea.'",
    "import asksage_jupyter as sage\n"
    "sage.usage()[['sent_at', 'client', 'model', 'tokens', 'source']].tail(4)",
]


def test_an_endpoint_is_seen_with_what_came_of_it_and_ended_from_the_sidebar(browser, lab):
    for program in ("report.py", "chat.py"):
        (lab.folder / program).write_text(ASK)
    cells = [nbformat.v4.new_code_cell(source) for source in ONE_METER]
    path = lab.folder / "one-meter.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), path)
    page = opened(browser, lab, path, **LOOK)
    command(page, "asksage:open")
    command(page, "notebook:run-all-cells")
    running = part(page, "endpoints")
    expect(running).to_contain_text("3 calls")
    log = page.locator(".jp-CodeCell", has_text="sage.usage()").locator(".jp-OutputArea-output")
    for client in ("report.py", "chat.py"):
        expect(log).to_contain_text(client)
    assert violations(page, "[data-asksage=endpoints]") == ""
    expect(page.locator("#jp-main-statusbar")).to_contain_text("Idle")
    picture(page, "one-meter")
    running.get_by_role("button").click()
    expect(running).to_have_count(0)
    page.close()


@pytest.mark.skipif(not PICTURES_WANTED, reason="the docs' pictures are taken by: make screenshots")
def test_the_docs_show_it_beside_a_notebook(browser, tmp_path):
    spend_since_the_first(tmp_path / "ledger.db")
    with demo_lab(tmp_path) as lab:
        page = opened(browser, lab, QUICKSTART, **LOOK | {"device_scale_factor": 1.5})
        command(page, "asksage:open")
        command(page, "notebook:run-all-cells")
        expect(part(page, "notebook-tokens")).to_contain_text("3 calls")
        page.locator(".jp-CodeCell", has_text="why do leaves look green").locator(".jp-InputPrompt").click()
        expect(page.locator("#jp-main-statusbar")).to_contain_text("Idle")
        for name, theme in (("light", "JupyterLab Light"), ("dark", "JupyterLab Dark")):
            set_theme(page, theme)
            picture(page, f"sidebar-{name}")
        page.close()


def test_from_no_ledger_to_a_first_call_and_through_a_servers_restart(browser, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = f"--ServerApp.port={port}", "--IdentityProvider.token=t"  # a token that is given is not told
    lab = Lab(f"http://127.0.0.1:{port}/lab?token=t", tmp_path)
    notebook = tmp_path / "first.ipynb"
    nbformat.write(nbformat.v4.new_notebook(metadata=KERNEL), notebook)
    with closing(open_tenant()) as tenant:
        settings = environment(tenant, tmp_path)
        with plain_lab(tmp_path, settings, *options):
            page = opened(browser, lab, notebook, **LOOK)
            command(page, "asksage:open")
            expect(part(page, "status")).to_have_text("Ask Sage: no calls yet")
            part(page, "no-ledger").get_by_role("button").click()
            expect(page.locator(".jp-CodeCell", has_text="%%asksage").locator(".cm-content")).to_be_focused()
            page.keyboard.insert_text("Why is the sky blue?")
            command(page, "notebook:run-all-cells")
            expect(page.locator(".jp-Notebook")).to_contain_text("(billed)")
            expect(part(page, "account")).to_contain_text("ada@example.org")
            with closing(LedgerView(lab.ledger)) as ledger:
                shows(page, ledger)
                told = f"Ask Sage {meter(ledger).remaining:,} left"
        expect(part(page, "stale")).to_contain_text("the server is away")
        expect(part(page, "status")).to_have_text(re.compile(rf"{told} at \d+ \w+ \d\d:\d\d UTC"))
        with plain_lab(tmp_path, settings, *options):
            expect(part(page, "stale")).to_have_count(0)
            expect(part(page, "status")).to_have_text(told)
            with closing(Ledger(lab.ledger)) as ledger:
                spend(ledger, 17)
                shows(page, ledger)
