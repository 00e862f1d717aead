"""What people hand to the log: months, days, and a log that comes back from a file."""

import datetime

import numpy
import pandas
import pytest
from tenant import MODEL, OTHER

import asksage_jupyter as sage
from asksage_jupyter.errors import BadInput
from asksage_jupyter.settings import AskSage


@pytest.fixture
def log(server):
    AskSage.instance().zone = "America/New_York"
    for model in (MODEL, OTHER, MODEL):
        sage.ask("Why?", model=model)
    log = sage.usage()
    # Three in the morning UTC is the evening before in New York.
    log["sent_at"] = pandas.to_datetime(["2026-11-02T03:30Z", "2026-11-09T15:00Z", "2026-11-20T04:00Z"])
    log["project"] = pandas.Series([None, "apollo", None]).astype("category")
    return log


def as_csv(log, path):
    log.asksage.to_csv(path / "log.csv")
    return pandas.read_csv(path / "log.csv")


def as_parquet(log, path):
    log.asksage.to_parquet(path / "log.parquet")
    return pandas.read_parquet(path / "log.parquet", dtype_backend="pyarrow")


KINDS = {
    "csv": as_csv,
    "csv, arrow": lambda log, path: as_csv(log, path).convert_dtypes(dtype_backend="pyarrow"),
    "parquet, arrow": as_parquet,
    "nullable": lambda log, path: log.convert_dtypes(),
    "objects": lambda log, path: log.astype(object),
    "numpy": lambda log, path: log.assign(tokens=log["tokens"].to_numpy("float64")),
    "naive times": lambda log, path: log.assign(sent_at=log["sent_at"].dt.tz_localize(None)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("by", ["day", "hour", "model", "project"])
def test_a_log_gives_the_same_figures_whatever_its_types(log, tmp_path, kind, by):
    back = KINDS[kind](log, tmp_path)
    pandas.testing.assert_frame_equal(back.asksage.by(by), log.asksage.by(by))
    assert back.asksage.by(by)["tokens"].sum() == 189
    if by == "day":
        assert [len(back.asksage.by(by)), f"{back.asksage.by(by).index[0]:%d %H}"] == [19, "01 00"]


@pytest.mark.parametrize("kind", KINDS)
def test_charts_of_a_log_are_the_same_whatever_its_types(log, tmp_path, kind):
    back = KINDS[kind](log, tmp_path)
    assert sage.top_chart(back, by="project").description == sage.top_chart(log, by="project").description
    assert "189" in sage.top_chart(back, by="project").description
    assert sage.heatmap(back).description == sage.heatmap(log).description


def test_what_is_no_figure_is_told_in_a_line(log):
    with pytest.raises(BadInput, match="'tokens' of this usage log is no Int64"):
        log.assign(tokens="many").asksage.by("model")


MONTHS = [
    "2026-11", "2026-11 ".strip(), datetime.date(2026, 11, 5), datetime.datetime(2026, 11, 5, 1),
    pandas.Timestamp("2026-11-05"), pandas.Period("2026-11"), numpy.datetime64("2026-11"),
]  # fmt: skip


@pytest.mark.parametrize("month", MONTHS, ids=repr)
def test_a_month_is_taken_as_people_have_it(server, month):
    for made in (sage.usage, sage.usage_chart, sage.statement):
        made(period=month)


@pytest.mark.parametrize("month", ["2026-9", "2026-09"])
def test_a_month_may_be_written_without_its_zero(server, month):
    assert sage.usage_chart(period=month).description == sage.usage_chart(period="2026-09").description


@pytest.mark.parametrize(
    "month", [2026, 2026.11, "November", pandas.NaT, pandas.Period("2026Q4"), b"2026-11"]
)
def test_what_is_no_month_is_told_in_a_line(server, month):
    for made in (sage.usage, sage.usage_chart, sage.statement):
        with pytest.raises(BadInput, match="is not a month"):
            made(period=month)


@pytest.mark.parametrize("day", [20261105, pandas.NaT, numpy.datetime64("NaT", "ns"), "soon", 1.5])
def test_what_is_no_day_is_told_in_a_line(server, day):
    for bound in ("since", "until"):
        with pytest.raises(BadInput, match=f"{bound} is a date like"):
            sage.usage(**{bound: day})


def test_days_are_taken_as_people_have_them(log):
    for day in (pandas.Timestamp("2026-11-05"), numpy.datetime64("2026-11-05"), pandas.Period("2026-11-05")):
        sage.usage(since=day, until="2026-12-01")


def test_savings_take_one_model_by_its_name(log):
    assert list(log.asksage.savings(OTHER).to_frame().index) == [OTHER] or OTHER in str(
        log.asksage.savings(OTHER)
    )
