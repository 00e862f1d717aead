"""Charts: the figures in them, how they look on light and dark, and that JupyterLab draws them offline."""

import csv
import io
import json
import re
import subprocess
import sys
from base64 import b64decode
from datetime import date
from html import escape
from itertools import combinations
from xml.etree import ElementTree

import altair
import nbformat
import numpy
import pandas
import pyarrow
import pytest
import vl_convert
from lab import QUICKSTART, WAIT_MS, command, needs_chromium, opened, set_theme
from ledger_desk import HOUR, Clock, at
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from asksage_jupyter.account import Bill, Call, Meter, Source
from asksage_jupyter.charts import estimate_chart, explore, heatmap, top_chart, usage_chart
from asksage_jupyter.charts import usage as usage_drawing
from asksage_jupyter.charts.course import course
from asksage_jupyter.charts.look import COLOURS, GREY, compact
from asksage_jupyter.charts.tally import by_time
from asksage_jupyter.display.plain import shortened
from asksage_jupyter.errors import BadInput, ConfigurationError
from asksage_jupyter.ledger import new_op
from asksage_jupyter.session import Session, current
from asksage_jupyter.settings import AskSage
from asksage_jupyter.usage_log import usage

pytestmark = pytest.mark.long

pytest_plugins = ["lab_fixtures"]

CHARTS = (usage_chart, heatmap, top_chart, estimate_chart)
VEGA_LITE = "application/vnd.vegalite.v5+json"
# JupyterLab's own, and what Vega's dark theme draws on elsewhere.
BACKGROUNDS = ("#ffffff", "#111111", "#333333")
LONG = "google-claude-45-sonnet-gov-with-a-very-long-name"


def a_log(rows):
    """A usage log of ``(sent_at, model, tokens)`` and what else is given by name."""
    log = pandas.DataFrame(rows)
    for name, otherwise in {
        "meter": "inference", "notebook": "a.ipynb", "cell": "c1", "project": None, "user": "ada",
        "source": "billed", "estimate": 100, "model": "m",
    }.items():  # fmt: skip
        if name not in log:
            log[name] = otherwise
    log = log.fillna({"meter": "inference", "source": "billed", "estimate": 100})
    log["sent_at"] = pandas.to_datetime(log["sent_at"], utc=True)
    return log.astype({"tokens": "Int64", "estimate": "Int64", "meter": "category", "model": "string"})


def a_quarter(calls=600, seed=0):
    """Calls of many models and notebooks on the working days of three months."""
    random = numpy.random.default_rng(seed)
    days = pandas.bdate_range("2026-09-01", "2026-11-17")
    estimates = random.integers(1, 5_000, calls)
    sent_at = days[random.integers(0, len(days), calls)] + pandas.to_timedelta(
        random.integers(8 * 60, 18 * 60, calls), unit="min"
    )
    log = pandas.DataFrame(
        {
            "sent_at": sent_at.sort_values(),
            "model": random.choice([LONG, "gpt", "nova", "gemini", "llama"], calls),
            "tokens": (estimates * random.uniform(0.5, 1.5, calls)).astype(int) + 1,
            "estimate": estimates,
            "notebook": random.choice([f"tides/{n}.ipynb" for n in range(14)], calls),
            "source": random.choice(["billed", "log", "presumed"], calls),
        }
    )
    return a_log(log)


def parsed(spec):
    """What each dataset of a chart is told to read as numbers."""
    if isinstance(spec, list):
        return {name: kinds for part in spec for name, kinds in parsed(part).items()}
    if not isinstance(spec, dict):
        return {}
    data = spec.get("data", {})
    found = {data["name"]: data["format"]["parse"]} if "format" in data else {}
    return found | parsed([part for name, part in spec.items() if name != "datasets"])


def drawn(chart, *fields):
    """The rows of the chart's data that have these fields."""
    spec = chart.to_dict()
    kinds = parsed(spec)
    found = []
    for name, text in spec["datasets"].items():
        for row in csv.DictReader(io.StringIO(text)):
            if set(fields) <= set(row):
                reads = {"number": lambda figure: json.loads(figure), "string": str}
                found.append({field: reads[kinds[name][field]](value) for field, value in row.items()})
    return found


def labels(chart):
    return {row["label"] for row in drawn(chart, "label")}


def at_noon_of_the_17th(allotment=None):
    """A session whose clock stands, with what the account was given."""
    clock = Clock(at(2026, 11, 17, 12))
    session = Session(AskSage.instance(), clock=clock)
    if allotment is not None:
        session.ledger.set_plan(session.account, Meter.INFERENCE, allotment, source="me")
    return session, clock


def a_month(a_day, until=17):
    """As much on each working day of October and of November so far."""
    days = pandas.bdate_range("2026-10-01", f"2026-11-{until}")
    return {day.date(): a_day for day in days}


# -- what they show ------------------------------------------------------------------------------


def test_bars_are_the_tokens_of_each_local_day_and_model():
    AskSage.instance(zone="America/New_York")
    log = a_log(
        [
            {"sent_at": "2026-11-01T03:59:59Z", "model": "a", "tokens": 1},  # still October there
            {"sent_at": "2026-11-01T04:00:00Z", "model": "a", "tokens": 2},
            {"sent_at": "2026-11-03T04:59:59Z", "model": "b", "tokens": 4},  # winter time: the 2nd
            {"sent_at": "2026-11-03T05:00:00Z", "model": "a", "tokens": 8},
            {"sent_at": "2026-11-03T06:00:00Z", "model": None, "tokens": 16},
            {"sent_at": "2026-11-03T06:00:00Z", "model": "a", "tokens": 32, "meter": "training"},
        ]
    )
    bars = drawn(usage_chart(log, "2026-11"), "day", "model")
    assert {(row["day"], row["model"], row["tokens"]) for row in bars} == {
        (1, "a", 2), (2, "b", 4), (3, "a", 8), (3, "not known", 16),
    }  # fmt: skip
    piles = [(row["model"], row["foot"], row["foot"] + row["tokens"]) for row in bars if row["day"] == 3]
    assert piles == [("not known", 0, 16), ("a", 16, 24)]  # the one that took most at the foot


def test_the_month_drawn_is_the_one_of_the_last_call_unless_told():
    log = a_quarter()
    november = log[log.sent_at >= "2026-11-01"].tokens.sum()
    assert f"November 2026: {november:,} inference tokens used" in str(usage_chart(log))
    october = log[(log.sent_at >= "2026-10-01") & (log.sent_at < "2026-11-01")].tokens.sum()
    assert f"October 2026: {october:,} inference" in str(usage_chart(log, "2026-10"))


def test_models_beyond_the_colours_are_one():
    log = a_log([{"sent_at": "2026-11-03", "model": f"m{n}", "tokens": 100 - n} for n in range(9)])
    totals = {row["model"]: row["tokens"] for row in drawn(usage_chart(log), "model")}
    assert totals == {"m0": 100, "m1": 99, "m2": 98, "m3": 97, "m4": 96, "other models": 95 + 94 + 93 + 92}


def test_what_other_devices_spent_is_in_the_ledgers_own_chart():
    session = current()
    session.ledger.set_plan(session.account, Meter.INFERENCE, 1_000, source="me")
    call = Call(new_op(), session.clock(), "a-model", Meter.INFERENCE, 70)
    session.ledger.hold(session.account, call, due=session.clock() + HOUR)
    session.ledger.settle(call.op, Bill(63, Source.BILLED))
    session.ledger.correct(session.account, Meter.INFERENCE, 200, op=new_op())
    shown = usage_chart()
    assert {row["model"]: row["tokens"] for row in drawn(shown, "model")} == {
        "a-model": 63,
        "other devices": 200,
    }
    assert "263 of 1,000 inference tokens used" in shown.description
    top = top_chart(by="model")
    assert {row["name"]: row["tokens"] for row in drawn(top, "name")} == {"a-model": 63, "other devices": 200}
    assert "a-model: 24% of 263 inference tokens." in str(top)
    for chart in (heatmap(), explore()):
        assert "Other devices took 200 more." in str(chart)
        assert "Other devices took 200 more." in json.dumps(chart.to_dict()["title"])
    assert "other devices" not in str(top_chart(usage(), by="model"))  # of a log, its calls alone


def test_the_even_line_uses_the_allotment_over_the_working_days():
    session, _ = at_noon_of_the_17th(21_000)
    line = course(session, Meter.INFERENCE, "2026-11", a_month(100))[0].even_line()  # 21 working days
    assert line[0] == (0.5, 0)
    assert line[1] == (1.5, 0)  # the 1st is a Sunday
    assert dict(line)[6.5] == 5_000
    assert dict(line)[8.5] == 5_000  # a weekend asks for nothing
    assert line[-1] == (30.5, 21_000)


def test_the_line_of_what_was_used_ends_today():
    session, _ = at_noon_of_the_17th()
    line = course(session, Meter.INFERENCE, "2026-11", a_month(100))[0].used_line()
    assert line[0] == (0.5, 0)
    assert line[-1] == (17.5, 1_200)


@pytest.mark.parametrize(("allotment", "names"), [(1_500, "Nov"), (21_000, "at this pace")])
def test_the_forecast_runs_from_today_to_exhaustion_or_the_months_end(allotment, names):
    session, _ = at_noon_of_the_17th(allotment)
    found, pace = course(session, Meter.INFERENCE, "2026-11", a_month(100))
    ways = pace.outlook
    exhausted = (pace.latest, pace.exhausted_on, pace.earliest)
    for way, day in zip(ways, exhausted, strict=True):
        assert way[0] == (17.5, 1_200)
        assert way[-1][0] == (day.day if day else 30) + 0.5
        assert way[-1][1] <= allotment
    assert ways[0][-1][1] <= ways[1][-1][1] <= ways[2][-1][1]
    tally = by_time(a_log([{"sent_at": "2026-11-03", "tokens": 1}]), "UTC")
    chart = usage_drawing.draw(tally, "inference", found, pace)
    assert any(names in label for label in labels(chart))
    assert pace.words in chart.description


def test_it_is_drawn_also_where_the_forecast_ends_today():
    session, _ = at_noon_of_the_17th(1_201)
    found, pace = course(session, Meter.INFERENCE, "2026-11", a_month(100))
    assert pace.outlook[2][-1] == (17.5, 1_201)
    chart = usage_drawing.draw(
        by_time(a_log([{"sent_at": "2026-11-03", "tokens": 1}]), "UTC"), "inference", found, pace
    )
    assert "17 Nov" in labels(chart)


@pytest.mark.parametrize(
    ("allotment", "words"),
    [
        (None, "not known: tell it with"),
        (5_000, "2,700 were left unused"),
        (1_000, "1,300 over the allotment"),
    ],
)
def test_a_month_that_is_over_has_no_forecast(allotment, words):
    session, clock = at_noon_of_the_17th()
    clock.t = at(2026, 10, 2)
    if allotment:
        session.ledger.grant(
            session.account,
            Meter.INFERENCE,
            allotment,
            source="top-up:1",
            starts=clock.t,
            ends=at(2026, 11, 1),
        )
    clock.t = at(2026, 11, 17)
    spent = {date(2026, 10, day): 100 for day in range(1, 24)}
    found, pace = course(session, Meter.INFERENCE, "2026-10", spent)
    assert pace is None
    assert found.used_line()[-1] == (31.5, 2_300)
    tally = by_time(a_log([{"sent_at": "2026-10-03", "tokens": 1}]), "UTC")
    assert words in usage_drawing.draw(tally, "inference", found, pace).description


def test_without_an_allotment_there_is_no_even_line_and_it_says_how_to_tell_it():
    chart = usage_chart(a_quarter())
    assert "even" not in labels(chart)
    assert "The allotment is not known: tell it with asksage_jupyter.set_plan(inference=...)." in str(chart)


def test_the_heatmap_sums_the_hours_of_the_local_week():
    AskSage.instance(zone="Asia/Kolkata")  # half an hour off
    log = a_log(
        [
            {"sent_at": "2026-11-02T18:29:00Z", "tokens": 1},  # Monday, 23:59
            {"sent_at": "2026-11-02T18:30:00Z", "tokens": 20},  # Tuesday, 0:00
            {"sent_at": "2026-11-09T18:31:00Z", "tokens": 300},
        ]
    )
    chart = heatmap(log)
    cells = {(row["weekday"], row["hour"]): row["tokens"] for row in drawn(chart, "weekday", "hour")}
    assert len(cells) == 7 * 24
    assert {cell: tokens for cell, tokens in cells.items() if tokens} == {("Mon", 23): 1, ("Tue", 0): 320}
    assert "Most inference tokens on Tuesdays from 0:00 to 1:00: 320" in str(chart)
    assert "2 Nov to 10 Nov 2026, Asia/Kolkata time" in str(chart)


def test_the_top_is_in_order_and_says_what_the_rest_took():
    log = a_log([{"sent_at": "2026-11-03", "notebook": f"{n}.ipynb", "tokens": n} for n in range(1, 6)])
    chart = top_chart(log, limit=2)
    assert [(row["name"], row["tokens"]) for row in drawn(chart, "name")] == [("5.ipynb", 5), ("4.ipynb", 4)]
    assert "5.ipynb: 33% of 15 inference tokens. By notebook; 3 more took 6 tokens (40%)." in str(chart)


def test_a_cell_is_one_of_its_notebook_and_what_is_not_known_is_said():
    log = a_log(
        [
            {"sent_at": "2026-11-03", "notebook": "a", "cell": "1", "tokens": 5},
            {"sent_at": "2026-11-03", "notebook": "b", "cell": "1", "tokens": 4},
            {"sent_at": "2026-11-03", "notebook": "b", "cell": None, "tokens": 3},
        ]
    )
    names = [row["name"] for row in drawn(top_chart(log, "cell"), "name")]
    assert names == ["a › cell 1", "b › cell 1", "b › not known"]
    assert [row["name"] for row in drawn(top_chart(log, "project"), "name")] == ["not known"]


def test_two_long_names_that_look_alike_are_two_bars():
    alike = ["a" * 40 + "/one/" + "b" * 40, "a" * 40 + "/two/" + "b" * 40]
    log = a_log([{"sent_at": "2026-11-03", "notebook": name, "tokens": 5} for name in alike])
    assert len(drawn(top_chart(log), "name")) == 2


def test_estimates_are_compared_with_what_was_billed_and_not_with_what_was_presumed():
    log = a_log(
        [{"sent_at": "2026-11-03", "estimate": 100, "tokens": tokens} for tokens in (50, 80, 90, 120, 200)]
        + [{"sent_at": "2026-11-03", "estimate": 100, "tokens": 100, "source": "presumed"}] * 9
        + [
            {"sent_at": "2026-11-03", "estimate": 100, "tokens": 0},
            {"sent_at": "2026-11-03", "estimate": 0, "tokens": 7},
        ]
    )
    chart = estimate_chart(log)
    assert "A typical inference call was billed 90% of its estimate" in str(chart)
    assert "Of 5 calls eight in ten were billed 62% to 168% of it; all together 108%." in str(chart)
    calls = {"billed": 0, "presumed": 0}
    for dot in drawn(chart, "source"):
        calls[dot["source"]] += dot["calls"]
    assert calls == {"billed": 5, "presumed": 9}


def test_of_many_calls_those_near_each_other_are_one_dot():
    log = a_quarter(3_000)
    dots = drawn(estimate_chart(log), "source")
    assert len(dots) <= 300
    assert sum(dot["calls"] for dot in dots) == 3_000
    assert "The larger a dot, the more calls it is." in str(estimate_chart(log))
    calls = pandas.Series([dot["calls"] for dot in dots]).repeat([dot["calls"] for dot in dots])
    assert calls.max() > 3
    billed = sum(dot["billed"] * dot["calls"] for dot in dots)
    assert billed == pytest.approx(log.tokens.sum(), rel=0.02)


def kept(chart):
    """The chart as it stands in a saved notebook."""
    data, metadata = chart._repr_mimebundle_()
    output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
    cell = nbformat.v4.new_code_cell("chart", outputs=[output])
    return nbformat.v4.new_notebook(cells=[cell])


@pytest.mark.parametrize("make", CHARTS)
@pytest.mark.parametrize("calls", [600, 60_000])
def test_a_saved_notebook_keeps_sums_and_less_than_60_kb_of_a_chart(make, calls):
    session = current()
    session.ledger.set_plan(session.account, Meter.INFERENCE, 1_000_000, source="me")
    assert len(nbformat.writes(kept(make(a_quarter(calls))))) < 60_000


# -- what they take ------------------------------------------------------------------------------

ARROW = {
    "sent_at": pandas.ArrowDtype(pyarrow.timestamp("us", "UTC")),
    "tokens": pandas.ArrowDtype(pyarrow.int64()),
    "estimate": pandas.ArrowDtype(pyarrow.int64()),
    "model": pandas.ArrowDtype(pyarrow.string()),
    "meter": pandas.ArrowDtype(pyarrow.dictionary(pyarrow.int32(), pyarrow.string())),
    "notebook": pandas.ArrowDtype(pyarrow.string()),
}
FORMS = {
    "categories": dict.fromkeys(("model", "notebook", "source", "user"), "category"),
    "python": {"model": object, "notebook": object, "meter": object, "tokens": "int64"},
    "nanoseconds": {"sent_at": "datetime64[ns, UTC]", "model": "str"},
    "arrow": ARROW,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_log_is_the_same_chart_whatever_its_dtypes(form):
    log = a_quarter(200)
    for make in CHARTS:
        assert make(log.astype(FORMS[form])).to_dict() == make(log).to_dict()


def test_a_filtered_log_is_drawn_as_far_as_it_goes():
    log = a_quarter()
    one = log[log.model == "gpt"]
    assert {row["model"] for row in drawn(usage_chart(one), "model")} == {"gpt"}


@pytest.mark.parametrize("make", CHARTS)
def test_without_a_call_there_is_a_chart_that_says_so(make):
    assert make(a_quarter()[:0])._repr_mimebundle_()[0].keys() >= {VEGA_LITE, "text/plain"}
    assert re.search("No inference call this month yet|0 inference tokens used", str(make()))
    assert re.search(
        "No training call in this log|0 training tokens used", str(make(a_quarter(), meter="training"))
    )


@pytest.mark.parametrize("make", CHARTS)
def test_what_cannot_be_drawn_is_told_in_one_line(make):
    with pytest.raises(BadInput, match=r"no usage log, it has no 'meter': take the DataFrame of usage\(\)"):
        make(pandas.DataFrame({"x": [1]}))
    with pytest.raises(BadInput, match="'tokens' is no meter: write inference or training"):
        make(a_quarter(), meter="tokens")


def test_values_that_are_not_allowed_are_told_in_one_line():
    with pytest.raises(BadInput, match="not one of notebook, cell, model, project, user"):
        top_chart(a_quarter(), by="op")
    with pytest.raises(BadInput, match="limit is a whole number, 1 or more, not 0"):
        top_chart(a_quarter(), limit=0)
    with pytest.raises(BadInput, match="write it like 2026-11"):
        usage_chart(a_quarter(), "November")


def test_without_altair_one_line_says_how_to_get_it():
    code = """
import sys
sys.modules["altair"] = None
from asksage_jupyter import charts
try:
    charts.heatmap()
except Exception as error:
    print(type(error).__name__, error)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (
        told.stdout.strip()
        == "ConfigurationError charts need Altair: pip install 'asksage_jupyter[analysis]'"
    )
    assert issubclass(ConfigurationError, BadInput.__mro__[1])


def test_pandas_own_plots_keep_working():
    import matplotlib as mpl

    mpl.use("Agg")
    tokens = a_quarter().groupby("model").tokens.sum()
    bars = tokens.plot.barh().patches
    assert [bar.get_width() for bar in bars] == tokens.to_list()


# -- how they look -------------------------------------------------------------------------------


def luminance(colour):
    """Relative luminance as WCAG 2 defines it."""
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def linear(colour):
    share = numpy.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return numpy.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_every_colour_stands_out_on_every_background(background):
    assert min(contrast(colour, background) for colour in (*COLOURS, GREY)) >= 3


# How the colour-blind see (protanopia, deuteranopia, tritanopia): Machado, Oliveira and Fernandes, 2009.
SEEN = [
    numpy.eye(3),
    [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
]
TO_CONE = numpy.array([[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]])
TO_OKLAB = numpy.array([[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]])


@pytest.mark.parametrize("seen", SEEN, ids=["all cones", "protan", "deutan", "tritan"])
def test_no_two_colours_look_alike_to_the_colour_blind(seen):
    places = [
        TO_OKLAB @ numpy.cbrt(TO_CONE @ numpy.clip(numpy.array(seen) @ linear(colour), 0, 1))
        for colour in COLOURS
    ]
    assert min(numpy.linalg.norm(one - other) for one, other in combinations(places, 2)) > 0.06


@pytest.mark.parametrize("theme", ["default", "dark"])
@pytest.mark.parametrize("make", CHARTS)
def test_words_have_the_colour_of_the_page_and_nothing_has_a_background(make, theme):
    session = current()
    session.ledger.set_plan(session.account, Meter.INFERENCE, 1_000_000, source="me")
    theme = {} if theme == "default" else {"theme": theme}
    for chart in (make(a_quarter()), make(a_quarter()[:0])):
        svg = ElementTree.fromstring(vl_convert.vegalite_to_svg(chart.to_dict(), vl_version="5.8", **theme))
        words = [node.get("fill") for node in svg.iter() if node.tag.endswith("text") and node.text]
        assert set(words) == {"currentColor"}
        assert not [node for node in svg.iter() if node.tag.endswith("rect") and node.get("fill") != "none"]


@pytest.mark.parametrize(
    ("tokens", "words"),
    [(0, "0"), (999, "999"), (1_000, "1k"), (1_240, "1.2k"), (9_960, "10k"), (412_345, "412k"),
     (999_700, "1M"), (3_700_000, "3.7M"), (2_000_000_000, "2G"), (-1_240, "-1.2k")],
)  # fmt: skip
def test_figures_are_short(tokens, words):
    assert compact(tokens) == words


def test_a_long_name_keeps_both_ends():
    assert shortened("a-model") == "a-model"
    assert shortened(LONG) == "google-cl…ith-a-very-long-name"
    assert len(shortened("x" * 99)) == 30


# -- how they are shown --------------------------------------------------------------------------


@pytest.mark.parametrize("make", CHARTS)
def test_a_notebook_gets_what_jupyterlab_can_draw_a_picture_and_words(make):
    data, metadata = make(a_quarter())._repr_mimebundle_()
    spec = data[VEGA_LITE]
    assert spec["$schema"].endswith("/vega-lite/v5.json")
    assert '"url"' not in json.dumps(spec)
    assert data["text/plain"] == spec["description"] == metadata["image/png"]["alt"]
    assert re.search(r"\d", data["text/plain"])
    assert b64decode(data["image/png"]).startswith(b"\x89PNG")


def test_no_menu_offers_to_send_the_data_to_a_public_site():
    options = heatmap(a_quarter()).to_dict()["usermeta"]["embedOptions"]
    assert options == {"renderer": "svg", "actions": False}


def test_without_vl_convert_there_is_no_picture_and_all_else(monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    data, metadata = heatmap(a_quarter())._repr_mimebundle_()
    assert set(data) == {VEGA_LITE, "text/plain"}
    assert metadata == {}


@pytest.mark.parametrize(
    ("form", "beginning"),
    [("png", b"\x89PNG"), ("svg", b"<svg"), ("pdf", b"%PDF"), ("html", b"<!DOCTYPE html>")],
)
def test_a_chart_is_saved_in_the_form_that_the_name_tells(form, beginning, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    chart = top_chart(a_quarter())
    chart.save(f"~/top.{form.upper()}")
    content = (tmp_path / f"top.{form.upper()}").read_bytes()
    assert content.startswith(beginning)
    if form in ("svg", "html"):
        text = content.decode()
        assert escape(chart.description) in text
        assert not re.search(r"""<(script|link)[^>]*(src|href)=""", text)


def test_a_chart_that_cannot_be_saved_is_told_in_one_line(tmp_path, monkeypatch):
    chart = top_chart(a_quarter())
    with pytest.raises(BadInput, match=r"'top\.gif' names no form of a chart: end it in \.png, \.svg"):
        chart.save("top.gif")
    with pytest.raises(BadInput, match=r"the chart cannot be written to .*No such file"):
        chart.save(tmp_path / "nowhere" / "top.svg")
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'asksage_jupyter\[analysis\]'"):
        chart.save(tmp_path / "top.svg")


def of_another_theme():
    return altair.theme.ThemeConfig(
        {"config": {"background": "red", "mark": {"color": "red"}, "font": "serif"}}
    )


@pytest.mark.parametrize("make", CHARTS)
def test_a_chart_is_the_same_whatever_altair_is_set_to(make):
    log = a_quarter()
    as_ever = make(log)._repr_mimebundle_()
    altair.theme.register("loud", enable=False)(of_another_theme)
    with (
        altair.theme.enable("loud"),
        altair.renderers.enable("svg"),
        altair.data_transformers.enable("vegafusion"),
    ):
        assert make(log)._repr_mimebundle_() == as_ever
    with altair.data_transformers.enable("default", max_rows=1):
        assert make(log)._repr_mimebundle_() == as_ever


@pytest.mark.long
def test_an_exported_page_shows_a_chart_in_its_size_with_words_for_those_who_do_not_see_it():
    chart = top_chart(a_quarter())
    page, _ = HTMLExporter().from_notebook_node(kept(chart))
    (image,) = re.findall("<img[^>]*>", page)
    assert f'alt="{escape(chart.description)}"' in image
    _, metadata = chart._repr_mimebundle_()
    size = metadata["image/png"]
    assert f'width="{size["width"]}" height="{size["height"]}"' in image or "No description" not in page
    assert 300 < size["width"] < 900


CELL = """import asksage_jupyter
from asksage_jupyter import charts
asksage_jupyter.set_plan(inference=200_000)
asksage_jupyter.ask("Name one sea.")
charts.usage_chart()"""
WRITE = "(code) => window.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.setSource(code)"
COLOUR = "(word) => getComputedStyle(word).fill"


@needs_chromium
def test_jupyterlab_draws_a_chart_offline_and_it_follows_the_theme(browser, lab):
    page = opened(browser, lab, QUICKSTART)
    strangers = []
    page.route(
        lambda url: "//127.0.0.1" not in url,
        lambda route: (strangers.append(route.request.url), route.abort()),
    )
    page.locator(".jp-CodeCell").last.click()
    command(page, "notebook:insert-cell-below")
    page.evaluate(WRITE, CELL)
    command(page, "notebook:run-cell")
    chart = page.locator(".jp-RenderedVegaLite [role=graphics-document]")
    expect(chart).to_have_attribute(
        "aria-label", re.compile("of 200,000 inference tokens used"), timeout=WAIT_MS
    )
    word = chart.locator("svg text", has_text="even").first
    inks = []
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        set_theme(page, theme)
        expect(word).to_be_visible()
        inks.append(word.evaluate(COLOUR))
        assert chart.locator("svg").evaluate("(svg) => svg.style.backgroundColor") in ("", "transparent")
    light, dark = ([int(part) for part in re.findall(r"\d+", ink)[:3]] for ink in inks)
    assert max(light) < 90
    assert min(dark) > 190
    assert strangers == []
