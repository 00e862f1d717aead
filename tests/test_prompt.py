"""Prompt cells in a real JupyterLab and Notebook: how they look, and what is told while they are typed."""

import re
from contextlib import closing

import pytest
from axe_playwright_python.sync_playwright import Axe
from lab import (
    PICTURES_WANTED,
    WAIT_MS,
    command,
    needs_chromium,
    opened,
    picture,
    plain_lab,
    set_theme,
    visit,
)
from playwright.sync_api import expect
from prompt_desk import CELLS, LOOK, cell, edit, price, run, tag, write, write_notebook
from tenant import MODEL, OTHER, environment, open_tenant, questions, says

pytest_plugins = ["lab_fixtures"]
pytestmark = needs_chromium

PICTURED = f"""%%asksage {MODEL} --max-tokens 900 -o advice
# Spring tide at {{harbour}}

It's **new moon**. Why does the water stand so high, and what follows for this loop?

```python
for hour, height in enumerate(heights):
    print(f"{{hour:02}}:00  {{height:.1f}} m")
```"""
COLOURS = """cell => [...cell.querySelectorAll('.cm-line span')].filter(span => !span.children.length)
    .map(span => [span.textContent, getComputedStyle(span).color])"""
RESTART = "() => window.jupyterapp.shell.currentWidget.context.sessionContext.restartKernel()"


@pytest.fixture(scope="module")
def tenant():
    with closing(open_tenant()) as server:
        yield server


@pytest.fixture(scope="module")
def lab(tenant, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prompts")
    write_notebook(folder / "prompts.ipynb", *CELLS)
    with plain_lab(folder, environment(tenant, folder)) as lab:
        yield lab


@pytest.fixture
def page(browser, lab):
    """The notebook as it was written; what goes wrong in our part fails."""
    page = opened(browser, lab, write_notebook(lab.folder / "prompts.ipynb", *CELLS), **LOOK)
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()
    assert complaints == []


def coloured(page, number, word):
    """The colours of the words of a cell that hold a word."""
    return {colour for text, colour in cell(page, number).evaluate(COLOURS) if word in text.split()}


def test_a_prompt_is_markdown_and_python_stays_python(page):
    prompt, python = cell(page, 1), cell(page, 2)
    expect(prompt.locator(".jp-asksage-PromptLine")).to_have_text("%%asksage --max-tokens 900")
    expect(prompt.locator(".jp-asksage-promptVariable")).to_have_text("{harbour}")
    keyword = coloured(page, 2, "with")
    assert len(keyword) == 1
    page.wait_for_function(
        "keyword => [...document.querySelectorAll('.jp-asksage-Prompt .cm-line span')]"
        ".some(span => span.textContent === 'for' && getComputedStyle(span).color === keyword)",
        arg=next(iter(keyword)),
    )  # the fence, when Markdown and Python have been loaded
    assert keyword.isdisjoint(coloured(page, 1, "with"))
    expect(prompt.locator(".cm-content")).to_have_attribute("aria-label", "Ask Sage prompt")
    assert "cm-lineWrapping" not in python.locator(".cm-content").get_attribute("class")


def test_it_follows_what_is_typed_and_outlives_the_kernel(page):
    edit(page, 2)
    page.keyboard.press("Control+Home")
    page.keyboard.type("\n")
    page.keyboard.press("Control+Home")
    page.keyboard.type("%%asksag")
    expect(cell(page, 2).locator(".jp-asksage-PromptLine")).to_have_count(0)
    page.keyboard.type("e")
    expect(cell(page, 2).locator(".jp-asksage-PromptLine")).to_have_count(1)
    page.evaluate(RESTART)
    expect(cell(page, 2).locator(".jp-asksage-PromptLine")).to_have_count(1)
    page.keyboard.type("x")
    expect(cell(page, 2).locator(".jp-asksage-PromptLine")).to_have_count(0)


def test_a_comments_key_writes_nothing_into_a_prompt(page):
    edit(page, 1)
    page.keyboard.press("Control+/")
    expect(cell(page, 1).locator(".cm-content")).not_to_contain_text("<!--")
    edit(page, 2)
    page.keyboard.press("Control+/")
    expect(cell(page, 2).locator(".cm-content")).to_contain_text("# with open")


def test_the_price_is_the_kernels_estimate_and_costs_no_call(page, tenant):
    asked = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2].partition("?")[0]))
    expect(tag(page, 1)).to_be_visible()
    assert "estimate" not in asked  # to open a notebook asks for no price
    run(page, 0)
    run(page, 3)
    told = cell(page, 3).locator(".jp-OutputArea")
    expect(told).to_contain_text("tokens (")
    edit(page, 3)
    expect(price(page, 3)).to_contain_text("tokens (")
    figures = re.search(r"about [\d,]+ tokens \([\d,]+ to [\d,]+\)", price(page, 3).inner_text())
    expect(told).to_contain_text(figures[0])
    page.keyboard.type(" And why are rivers not, though all the salt comes down in them?")
    expect(price(page, 3)).not_to_contain_text(figures[0])
    assert questions(tenant) == []


def test_what_will_be_refused_is_said_before_it_is_sent(page):
    known_rates(page)
    for source, level, words in (
        ("%%asksage\nAbout {harbour}", "quiet", "+ {harbour}"),
        ("%%asksage --estimat\nWhy?", "amber", "did you mean --estimate?"),
        ("%%asksage --max-tokens 1\nWhy?", "red", "more than --max-tokens 1: it will be refused"),
        (f"%%asksage --max-tokens 1 --else {OTHER}\nWhy?", "amber", f"{OTHER} will be asked instead"),
        ("%%asksage\n" + "Why? " * 90_000, "amber", "% of what is left"),
        ("%%asksage\n" + "ᚠᚢ " * 300_000, "red", "that are left: it will be refused"),
        ("%%asksage nobodys-model\nWhy?", "quiet", "The rates of nobodys-model are not known here yet"),
    ):
        write(page, 1, source)
        expect(tag(page, 1)).to_contain_text(words)
        expect(tag(page, 1)).to_have_attribute("data-level", level)
    expect(tag(page, 1).get_by_role("button", name="Ask for its rates")).to_be_visible()
    marked = cell(page, 1).locator("[data-kind=unknown]")
    write(page, 1, "%%asksage --estimat\nWhy?")
    expect(marked).to_have_text("--estimat")


def known_rates(page):
    """Let a kernel with the magics learn the model's rates, as any first cell does."""
    run(page, 0)
    run(page, 3)
    expect(cell(page, 3).locator(".jp-OutputArea")).to_contain_text("tokens (")


def expected(words):
    """The tokens that a price expects."""
    return int(re.search(r"about ([\d,]+) tokens", words)[1].replace(",", ""))


def count_button(page, number):
    return tag(page, number).get_by_role("button", name="+")


def run_through(page, number, source):
    """Run a cell to its end."""
    write(page, number, f"{source}\nprint('done')")
    command(page, "notebook:clear-cell-output")
    run(page, number)
    expect(cell(page, number).locator(".jp-OutputArea")).to_have_text(re.compile(r"done\s*$"))


TABLE = """import time, pandas
class Lazy:
    def __str__(self): raise RuntimeError("it was run")
lazy, ports = Lazy(), pandas.DataFrame({"port": ["Brest", "Cuxhaven"] * 50, "m": [6.1, 3.0] * 50})"""


def test_a_table_is_counted_by_a_click_and_nothing_is_run(page, tenant):
    known_rates(page)
    run_through(page, 2, TABLE)
    write(page, 3, "%%asksage --estimate\nWhere is it high? {ports}")
    run(page, 3)
    told = cell(page, 3).locator(".jp-OutputArea")
    expect(told).to_contain_text("tokens (")
    write(page, 1, "%%asksage\nWhere is it high? {ports} {lazy} {absent}")
    expect(count_button(page, 1)).to_have_text("+ {ports} + {lazy} + {absent}")
    few = expected(price(page, 1).inner_text())
    count_button(page, 1).focus()
    page.keyboard.press("Enter")
    expect(price(page, 1)).to_contain_text("{lazy} is no text, number or table of these")
    expect(count_button(page, 1)).to_be_hidden()
    expect(cell(page, 1).locator(".cm-content")).to_be_focused()
    many = expected(price(page, 1).inner_text())
    assert few + 50 < many
    write(page, 1, "%%asksage\nWhere is it high? {ports}")
    expect(price(page, 1)).not_to_contain_text("{lazy}")
    there = expected("about " + re.search(r"[\d,]+ tokens \(", told.inner_text())[0])
    assert abs(expected(price(page, 1).inner_text()) - there) <= 1
    run(page, 0)  # whatever is run may change what was counted
    expect(count_button(page, 1)).to_have_text("+ {ports}")
    assert questions(tenant) == []


def test_it_is_counted_beside_a_cell_that_runs(page):
    known_rates(page)
    run_through(page, 2, TABLE)
    write(page, 2, "sea = 'salt ' * 90\nwhile not time.sleep(0.05): pass")
    run(page, 2)
    write(page, 1, "%%asksage --history 2 --file prompts.ipynb\nWhy? {sea}")
    expect(count_button(page, 1)).to_have_text("+ {sea} + history 2 + file prompts.ipynb")
    few = expected(price(page, 1).inner_text())
    expect(cell(page, 2).locator(".jp-InputPrompt")).to_have_text("[*]:")
    count_button(page, 1).click()
    expect(count_button(page, 1)).to_be_hidden()
    assert few + 40 < expected(price(page, 1).inner_text())
    expect(cell(page, 2).locator(".jp-InputPrompt")).to_have_text("[*]:")
    command(page, "notebook:interrupt-kernel")
    expect(cell(page, 2).locator(".jp-OutputArea")).to_contain_text("KeyboardInterrupt")


def test_where_nobody_can_count_it_says_so(page):
    write(page, 1, f"%%asksage {MODEL}\nWhy? {{sea}}")
    expect(count_button(page, 1)).to_be_visible()
    page.evaluate(RESTART)
    count_button(page, 1).click()
    expect(price(page, 1)).to_have_text(re.compile("Run %load_ext asksage_jupyter first|There is no kernel"))


def test_a_tables_rows_are_priced_as_planned_and_billed(page, tenant):
    known_rates(page)
    run_through(page, 2, TABLE)
    write(page, 1, "%%asksage --map ports\nHow high is {m} m at {port}?")
    button = tag(page, 1).get_by_role("button", name="Price the rows of ports")
    button.click()
    expect(price(page, 1)).to_contain_text("2 calls for 100 rows")
    expect(price(page, 1)).to_contain_text("of what is left")
    assert questions(tenant) == []
    run(page, 1)
    expect(tag(page, 1).locator(".jp-asksage-bill")).to_have_text("126 tokens billed")
    expect(button).to_be_visible()


def test_an_envelope_is_amber_and_red_with_words(page, lab):
    known_rates(page)
    edit(page, 3)
    expect(price(page, 3)).to_contain_text("of what is left")
    needed = expected(price(page, 3).inner_text())
    limits = lab.folder / "pyproject.toml"
    try:
        for tokens, level, words in (
            (3 * needed, "amber", "33% of what the envelope of the project tides has left"),
            (needed - 1, "red", f"more than the {needed - 1} left in the envelope of the project tides"),
        ):
            limits.write_text(f'[project]\nname = "tides"\n[tool.asksage.envelopes]\nproject = {tokens}\n')
            page.keyboard.type(" ")
            expect(price(page, 3)).to_contain_text(words)
            expect(tag(page, 3)).to_have_attribute("data-level", level)
    finally:
        limits.unlink()


def test_an_envelope_that_a_line_said_bounds_the_prompt_until_it_is_ended(page):
    known_rates(page)
    edit(page, 3)
    expect(price(page, 3)).to_contain_text("of what is left")
    needed = expected(price(page, 3).inner_text())
    command(page, "asksage:open")
    bound = page.locator("[data-asksage=notebook-bound]")
    notebook, run_of = "the envelope of the notebook tides", "the envelope of the project sea in this run"
    for line, level, words in (
        (f"notebook tides {3 * needed}", "amber", f"33% of what {notebook} has left"),
        (f"notebook tides {needed - 1}", "red", f"left in {notebook}: it will be refused"),
        (f"notebook tides {needed - 1} --soft", "amber", f"{notebook}, which only warns"),
        (f"project sea {needed - 2} --per run", "red", f"left in {run_of}: it will be refused"),
        ("end project", "amber", f"{notebook}, which only warns"),
        ("end notebook", "quiet", "of what is left"),
    ):
        run_through(page, 2, f"%asksage envelope {line}")
        edit(page, 3)
        expect(price(page, 3)).to_contain_text(words)
        expect(tag(page, 3)).to_have_attribute("data-level", level)
        if line.startswith("end notebook"):
            expect(bound).to_have_count(0)
        elif line.startswith("notebook"):
            expect(bound).to_contain_text(f"T{notebook[1:]} leaves {line.split()[2]} of {line.split()[2]}")


def test_a_cell_that_may_not_be_edited_is_not_by_the_picker_either(page):
    known_rates(page)
    picker = tag(page, 1).get_by_label("Model")
    expect(picker).to_be_enabled()
    for is_editable in (False, True):
        page.evaluate(
            "is => jupyterapp.shell.currentWidget.content.widgets[1].model.setMetadata('editable', is)",
            is_editable,
        )
        expect(picker).to_be_enabled(enabled=is_editable)


def test_the_kernels_own_model_is_priced_and_named(page):
    known_rates(page)
    run_through(page, 2, f'%config AskSage.model = "{OTHER}"')
    write(page, 3, "%%asksage\nWhy is the sea salt?")
    expect(tag(page, 3).get_by_label("Model")).to_contain_text(f"{OTHER} (default)")
    expect(price(page, 3)).to_contain_text(re.compile(rf"tokens \(|rates of {OTHER}"))
    run_through(page, 2, f'%config AskSage.model = "{MODEL}"')
    edit(page, 3)
    expect(tag(page, 3).get_by_label("Model")).to_contain_text(f"{MODEL} (default)")


def test_a_reply_that_is_kept_costs_nothing_and_says_so(page):
    known_rates(page)
    kept = re.compile("^0 tokens: the reply that is kept is shown again$")
    write(page, 3, "%%asksage --replay\nWhy is the sea salt?")
    expect(price(page, 3)).to_contain_text("of what is left")
    run(page, 3)
    expect(tag(page, 3).locator(".jp-asksage-bill")).to_have_text("63 tokens billed")
    expect(price(page, 3)).to_have_text(kept)
    run(page, 3)
    expect(tag(page, 3).locator(".jp-asksage-bill")).to_have_text("replayed, 0 tokens")
    write(page, 3, "%%asksage --replay\nWhy is the sea salt? {sea}")
    run_through(page, 2, "sea = 'The Baltic.'")
    run(page, 3)
    expect(tag(page, 3).locator(".jp-asksage-bill")).to_have_text("63 tokens billed")
    expect(price(page, 3)).to_contain_text("of what is left")  # of a variable the kernel is asked
    count_button(page, 3).click()
    expect(price(page, 3)).to_have_text(kept)
    page.keyboard.type("?")
    expect(price(page, 3)).to_contain_text("of what is left")


def test_an_upload_is_priced_and_billed_on_its_line(page, tenant):
    tenant.on("/server/get-datasets", {"response": ["user_custom_81_notes_content"], "status": 200})
    tenant.on("/server/train", {"embedding": None, "response": "Successfully added", "status": 200})
    run(page, 0)
    write(page, 1, "%%asksage_train notes\nA ledger is never edited.")
    expect(price(page, 1)).to_contain_text(re.compile(r"about \d+ training tokens · .*% of what is left"))
    needed = re.search(r"\d+", price(page, 1).inner_text())[0]
    run(page, 1)
    expect(tag(page, 1).locator(".jp-asksage-bill")).to_have_text(f"{needed} training tokens debited")
    expect(tag(page, 1).get_by_label("Model")).to_be_hidden()


def test_a_model_is_picked_in_one_step_of_undo(page):
    run(page, 0)
    run(page, 3)
    picker = tag(page, 1).get_by_label("Model")
    line = cell(page, 1).locator(".jp-asksage-PromptLine")
    expect(picker).to_have_value("")
    expect(picker).to_contain_text(f"{MODEL} (default)")
    expect(picker).to_be_visible()
    picker.focus()
    picker.select_option(OTHER)
    expect(line).to_have_text(f"%%asksage {OTHER} --max-tokens 900")
    picker.select_option(MODEL)
    expect(line).to_have_text(f"%%asksage {MODEL} --max-tokens 900")
    edit(page, 1)
    for _ in range(2):
        page.keyboard.press("Control+z")
    expect(line).to_have_text("%%asksage --max-tokens 900")
    expect(picker).to_have_value("")


def test_the_line_below_needs_no_mouse_and_obeys_no_key_of_the_notebook(page):
    known_rates(page)
    write(page, 1, "%%asksage\nWhy? {sea}")
    expect(count_button(page, 1)).to_be_visible()
    picker, cells = tag(page, 1).get_by_label("Model"), page.locator(".jp-CodeCell")
    page.keyboard.press("Escape")
    for _ in range(10):
        page.keyboard.press("Tab")
        if picker.evaluate("node => node === document.activeElement"):
            break
    expect(picker).to_be_focused()
    page.keyboard.type("xdda")  # commands of the notebook: cut, delete, insert
    expect(cells).to_have_count(4)
    picker.press("End")
    expect(cell(page, 1).locator(".jp-asksage-PromptLine")).to_have_text(f"%%asksage {OTHER}")
    page.keyboard.press("Tab")
    expect(count_button(page, 1)).to_be_focused()
    page.keyboard.press("Escape")
    expect(cell(page, 1).locator(".cm-content")).to_be_focused()


def test_the_line_is_completed_without_the_magics(page):
    edit(page, 1)
    page.keyboard.press("Control+Home")
    page.keyboard.press("End")
    page.keyboard.type(" --reas")
    page.keyboard.press("Tab")
    line = cell(page, 1).locator(".jp-asksage-PromptLine")
    offered = page.locator(".jp-Completer-item", has_text="--reasoning")
    expect(line.filter(has_text="--reasoning").or_(offered).first).to_be_visible()
    if offered.count():  # one that is alone is taken at once
        page.keyboard.press("Enter")
    expect(line).to_contain_text("--reasoning")


def test_the_bill_outlives_the_page(page, lab):
    run(page, 0)
    write(page, 3, "%%asksage\nWhy is the sea salt?")
    run(page, 3)
    bill = tag(page, 3).locator(".jp-asksage-bill")
    expect(bill).to_have_text("63 tokens billed")
    expect(price(page, 3)).to_contain_text("of what is left")
    command(page, "docmanager:save")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    visit(page, lab, lab.folder / "prompts.ipynb")
    expect(bill).to_have_text("63 tokens billed")
    command(page, "notebook:clear-all-cell-outputs")
    expect(bill).to_have_text("")


# Words of a magic's line that are hard to read; axe passes over a ground that is mixed.
PALE = """line => {
    const canvas = new OffscreenCanvas(1, 1).getContext('2d');
    const light = (...colours) => {
        for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
        const linear = [...canvas.getImageData(0, 0, 1, 1).data].map(value => value / 255)
            .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05;
    };
    const grounds = [];
    for (let node = line; node; node = node.parentElement) {
        grounds.unshift(getComputedStyle(node).backgroundColor);
    }
    return [...line.querySelectorAll('span')]
        .map(word => [light(...grounds, getComputedStyle(word).color) / light(...grounds), word.textContent])
        .filter(([ratio]) => Math.max(ratio, 1 / ratio) < 4.5);
}"""


def test_a_prompt_and_its_price_are_accessible_in_every_theme(page, tenant):
    """With all that the line below can show: a bill, both buttons, a refusal, a misspelt option."""
    known_rates(page)
    says(tenant, "The sky is blue.")
    write(page, 1, "%%asksage\nIt's **high water** at {harbour}")
    run(page, 1)
    expect(tag(page, 1).locator(".jp-asksage-bill")).to_have_text("63 tokens billed")
    expect(count_button(page, 1)).to_be_visible()
    write(page, 2, "%%asksage nobodys-model\nWhy?")
    expect(tag(page, 2).get_by_role("button", name="Ask for its rates")).to_be_visible()
    write(page, 3, "%%asksage --estimat -f json\nWhy?")
    expect(tag(page, 3)).to_have_attribute("data-level", "amber")
    axe = Axe()
    for theme in ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"):
        set_theme(page, theme)
        found = axe.run(page, context=[".jp-asksage-Tag", ".jp-asksage-PromptLine"])
        assert found.response["violations"] == [], (theme, found.generate_report())
        for line in page.locator(".jp-asksage-PromptLine").all():
            assert line.evaluate(PALE) == [], theme


CONSUMER = """async source => {
    const app = window.jupyterapp;
    // As the bundle of another extension gets it.
    const { IAskSage } = (await window._JUPYTERLAB['@asksage/jupyter'].get('./extension'))();
    let meter;
    app.registerPlugin({
        id: 'a-chat:price', autoStart: false, requires: [IAskSage], activate: (_, found) => { meter = found; }
    });
    await app.activatePlugin('a-chat:price');
    const changed = new Promise(resolve => meter.changed.connect(() => resolve(meter.balance)));
    const { level, words, model } = await meter.estimate(source);
    void app.commands.execute('asksage:refresh');
    const { meters } = await changed;
    const other = await meter.estimate('a = 1');
    return { name: IAskSage.name, level, words, model, left: meters[0].left, other };
}"""


def test_another_extension_is_told_the_balance_and_a_price(page):
    known_rates(page)
    expect(price(page, 3)).to_contain_text("of what is left")
    told = page.evaluate(CONSUMER, f"%%asksage {MODEL}\nWhy is the sea salt?")
    assert told["name"] == "@asksage/jupyter:IAskSage"
    assert (told["level"], told["model"], told["other"]) == ("quiet", MODEL, None)
    assert told["words"] == price(page, 3).inner_text()
    assert "left" in told["left"]


@pytest.mark.skipif(not PICTURES_WANTED, reason="for the picture alone")
def test_prompts_as_the_readme_shows_them(page, tenant):
    set_theme(page, "JupyterLab Light")  # whatever a test before left
    says(tenant, "Rivers wash salts out of the rocks; the sea keeps them, for only water evaporates.")
    run(page, 0)
    write(page, 1, "%%asksage\nWhy is the sea salt? **One sentence.**")
    run(page, 1)
    expect(tag(page, 1).locator(".jp-asksage-bill")).to_contain_text("billed")
    write(page, 2, PICTURED)
    expect(price(page, 2)).to_contain_text("of what is left")
    edit(page, 3)  # else the notebook's buttons are in the picture
    page.mouse.move(0, 0)
    picture(page, "prompt", cell(page, 1), cell(page, 2))


LANGUAGE = "settings/@jupyterlab/translation-extension/plugin.jupyterlab-settings"
# What of ours says something, and either not by itself that it is English, or not to its end.
STRANGE_OR_CUT = """() => [...document.querySelectorAll('[class*="jp-asksage"], [class*="jp-asksage"] *')]
    .filter(node => !node.children.length && node.textContent.trim() && node.offsetWidth > 1)
    .filter(node => !node.closest('.cm-content'))
    .filter(node => !node.closest('[lang=en]') || node.scrollWidth > node.clientWidth + 1
        && getComputedStyle(node).display !== 'inline')
    .map(node => node.outerHTML)"""


def test_a_jupyterlab_in_another_language_cuts_nothing_off_and_mixes_nothing(page, lab):
    pytest.importorskip("jupyterlab_language_pack_de_DE")
    known_rates(page)
    setting = lab.folder / LANGUAGE
    setting.parent.mkdir(parents=True, exist_ok=True)
    setting.write_text('{"locale": "de_DE"}')
    try:
        page.set_viewport_size({"width": 1280, "height": 800})
        visit(page, lab, lab.folder / "prompts.ipynb")
        expect(page.locator("#jp-MainMenu")).to_contain_text("Bearbeiten")
        command(page, "asksage:open")
        write(page, 0, "%asksage")
        run(page, 0)
        for number, source, told in (
            (1, "%%asksage --estimat\nWarum?", "did you mean --estimate?"),
            (3, "%%asksage\nWarum ist das Meer salzig?", "of what is left"),
        ):
            write(page, number, source)
            expect(price(page, number)).to_contain_text(told)
        expect(page.locator(".jp-asksage-Sidebar")).to_contain_text("Last calls")
        assert page.evaluate(STRANGE_OR_CUT) == []
        picture(page, "german")
    finally:
        setting.unlink()


def test_notebook_has_all_of_it_too(lab, browser):
    write_notebook(lab.folder / "prompts.ipynb", *CELLS)
    page = browser.new_page(**LOOK)
    page.set_default_timeout(WAIT_MS)
    page.goto(lab.at("notebooks/prompts.ipynb"), timeout=WAIT_MS)
    expect(page.locator(".jp-asksage-PromptLine")).to_have_count(2)
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", state="attached")
    for number in (0, 3):
        run(page, number)
    expect(cell(page, 3).locator(".jp-OutputArea")).to_contain_text("tokens (")
    edit(page, 1)
    expect(price(page, 1)).to_contain_text("tokens (")
    expect(tag(page, 1).get_by_label("Model")).to_be_visible()
    count_button(page, 1).click()
    expect(count_button(page, 1)).to_be_hidden()
    # A page that is closed while it connects to its kernel would keep the server from ending.
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", state="attached")
    page.close()
