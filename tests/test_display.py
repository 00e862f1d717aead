"""Tables, cards and bars: aligned for those who read text, and nothing in them is more than text."""

import re
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

import asksage_jupyter
from asksage_jupyter.display.bar import bar, thin_bar
from asksage_jupyter.display.dates import day
from asksage_jupyter.display.markup import card, fill, line, notice, quiet
from asksage_jupyter.display.page import Code, Listing, Page
from asksage_jupyter.display.plain import from_home, interval
from asksage_jupyter.display.table import Table, width
from asksage_jupyter.mapping.planning.costs import Range
from asksage_jupyter.session.comparing.columns import ReplyColumn, Stage, as_markdown

HOSTILE = '<img src=x onerror="1">\x1b[31m\u202e&'
TEXT = '<img src=x onerror="1">&'


def words(html):
    """The text that a page shows, whatever it is made of."""
    return "".join(ElementTree.fromstring(f"<p>{html}</p>").itertext())


def test_columns_stand_below_each_other_whatever_the_letters_width():
    table = Table(("name", "calls"), [("漢字", "1"), ("cafe\u0301", "20"), ("plain", "3")], ("total", "24"))
    assert str(table).splitlines() == [
        "name   calls",
        "-----  -----",
        "漢字       1",
        "cafe\u0301      20",
        "plain      3",
        "-----  -----",
        "total     24",
    ]
    assert len({width(row) for row in table.to_markdown().splitlines()}) == 1


def test_an_interval_is_told_where_it_is_wider_than_a_figure():
    assert interval(4, 1870) == " (4 to 1,870)"
    assert interval(63, 63) == ""
    assert str(Range(126, 126, 126)) == "about 126 tokens"


@pytest.mark.parametrize(
    "show",
    [
        lambda told: Page.of(told, told).html,
        line,
        quiet,
        notice,
        card,
        lambda told: Table(("what", "why"), [("a", told)], sides="l")._repr_html_(),
        lambda told: as_markdown([ReplyColumn("a", Stage.DONE, told=told)]),
    ],
)
def test_a_name_in_running_words_is_not_broken_at_its_hyphens(show):
    told = "It ends by %asksage serve --stop, in 2026-11 (-f <html>), of aws-nova-lite-v1:0. Not - 3–5."
    html = show(told)
    assert told in words(html)
    assert re.findall(r'<span style="white-space:nowrap">(.*?)</span>', html) == [
        "--stop",
        "2026-11",
        "-f",
        "aws-nova-lite-v1:0",
    ]


def test_what_is_said_is_no_code_and_what_is_written_is():
    said = Page.of("Nothing yet.\nAsk first.").html
    assert "<pre" not in said
    assert "code-font" not in said
    written = Page.of("all", "Ask so:", Code("%%asksage"), Listing("how", (("-h", "help"),))).html
    assert words(written) == "Ask so:%%asksagehow-hhelp"
    assert written.count("<pre") == 1


def test_a_table_begins_and_ends_where_the_words_around_it_do():
    html = Table(("a", "b", "c"), [("1", "2", "3")], caption="What was used")._repr_html_()
    assert re.findall(r'padding:(.*?);border', html) == [
        ".15em .6em .15em 0", ".15em .6em .15em .6em", ".15em 0 .15em .6em",
    ] * 2  # fmt: skip


def test_a_long_name_of_a_row_is_shortened_for_the_eye_alone():
    name = f"/home/ada/{'folder/' * 12}tides.ipynb"
    for shares in (None, [0.5]):
        table = Table(("notebook", "why"), [(name, name)], shares=shares)
        html = table._repr_html_()
        assert f'title="{name}"' in html
        assert html.count(name) == 2  # and the words beside it are whole
        assert name in str(table)
        assert f"| {name} |" in table.to_markdown()


def test_what_is_longer_than_a_narrow_line_may_be_broken():
    assert "nowrap" not in line("a-" * 40 + "b")


def test_a_heading_breaks_between_its_words_and_nowhere_else():
    html = Table(("name", "used and held"), [("a", "1")], shares=[1.0])._repr_html_()
    assert 'white-space:normal;overflow-wrap:normal">used and held</th>' in html


def test_a_caption_is_above_the_table_whose_width_is_its_own():
    html = Table(("a", "b"), [("1", "2")], caption="What was used")._repr_html_()
    assert html.index("What was used</div>") < html.index('<table aria-label="What was used"')
    assert "<caption" not in html


def test_a_file_is_told_from_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "ada")
    assert from_home(str(tmp_path / "ada" / "a.ipynb")) == str(Path("~", "a.ipynb"))
    assert from_home(str(tmp_path / "adam" / "a.ipynb")) == str(tmp_path / "adam" / "a.ipynb")


def test_the_last_side_is_for_all_columns_that_follow():
    assert str(Table(("a", "b", "c"), [("long", "long", "long")], sides="l")).startswith("a     b     c\n")
    assert str(Table(("a", "b", "c"), [("long", "long", "long")])).startswith("a        b     c\n")
    assert "| ---- | ---: | ---: |" in Table(("a", "b", "c"), [("1", "2", "3")]).to_markdown()


def test_a_table_of_nothing_is_its_head():
    assert str(Table(("a", "b"), [])) == "a  b\n-  -"
    assert Table(("a", "b"), []).to_markdown().count("\n") == 1


def test_no_cell_is_more_than_a_cell():
    table = Table((HOSTILE, "b"), [(f"{HOSTILE}\n\n|", "*c*")], caption=HOSTILE, note=HOSTILE)
    assert "\x1b" not in str(table)
    assert len(str(table).splitlines()) == 6
    assert words(table._repr_html_()).count(TEXT) == 4  # its label is no word
    assert r"\| | \*c\* |" in table.to_markdown()
    assert len(table.to_markdown().splitlines()) == 3


def test_a_share_is_drawn_and_the_figures_say_it():
    table = Table(("name", "tokens"), [("a", "1"), ("b", "3")], shares=[0.25, 0.75])
    html = table._repr_html_()
    assert html.index("width:25.00%") < html.index("width:75.00%")
    assert words(html) == "nametokensa1b3"


def test_what_is_no_markup_is_text():
    whole = card(HOSTILE, HOSTILE, foot=[HOSTILE], aside=HOSTILE)
    limit = bar([("used", 0.5, HOSTILE)], HOSTILE, HOSTILE)
    for html in (whole, line(HOSTILE, tip=HOSTILE), quiet(HOSTILE), notice(HOSTILE), limit):
        assert TEXT in words(html)
        assert "\u202e" not in html
    assert fill("{}", Markup("<b>x</b>")) == "<b>x</b>"
    assert fill("{} {:.1f} {:,}", Path("<i>"), 0.25, 1_000) == "&lt;i&gt; 0.2 1,000"


def test_a_bar_shows_only_what_there_is():
    assert thin_bar(("empty", 0.0), ("used", 0.5)).count("width:") == 2  # one of a part, one its least
    assert 'aria-hidden="true"' in thin_bar()
    assert 'aria-valuenow="100"' in bar([("used", 0.8, "8"), ("over", 0.4, "4")], "tokens", "4 over")


def test_a_date_is_the_same_in_every_language():
    """What strftime names is told in the machine's language, and with a zero ahead."""
    assert day(date(2026, 12, 1), year=True) == "1 Dec 2026"
    sources = Path(asksage_jupyter.__file__).parent.rglob("*.py")
    assert [path for path in sources if re.search(r"\{[^{}]*:[^{}]*%b", path.read_text("utf-8"))] == []


def test_a_short_word_is_not_broken_beside_a_long_text():
    html = Table(
        ("status", "why"), [("unknown", "it may be billed, and nobody knows yet")], sides="l"
    )._repr_html_()
    assert 'nowrap">unknown</td>' in html
    assert 'white-space:normal">it may be billed' in html
