"""``.asksage``: division, pace, savings and files of a usage log, against figures worked out by hand."""

import builtins
import json
from datetime import date

import numpy
import pandas
import pytest
from ledger_desk import DAY, HOUR, a_bill, at
from pandas.testing import assert_frame_equal
from tenant import MODEL, OTHER

from asksage_jupyter import cli, usage
from asksage_jupyter.account import Bill, Call, Meter, Source
from asksage_jupyter.errors import BadInput, ConfigurationError
from asksage_jupyter.ledger import new_op
from asksage_jupyter.session import current
from asksage_jupyter.settings import AskSage
from asksage_jupyter.usage_log import NotAUsageLog, report
from asksage_jupyter.usage_log.report import BY


def spend(tokens, sent_at, model="a-model", meter=Meter.INFERENCE, bill=None, **where):
    """One settled call in the current session's ledger."""
    session = current()
    session.ledger.set_plan(session.account, meter, 100_000, source="me")
    call = Call(new_op(), sent_at, model, meter, tokens, **where)
    session.ledger.hold(session.account, call, due=session.clock() + HOUR)
    session.ledger.settle(call.op, bill or a_bill(tokens, input_tokens=10 * tokens, output_tokens=tokens))


@pytest.fixture
def calls():
    """Three days of November in New York, the middle one without a call."""
    AskSage.instance(zone="America/New_York")
    spend(60, at(2026, 11, 3, 4, 30), "dear", notebook="a.ipynb", project="apollo")  # 2 Nov, 23:30
    spend(10, at(2026, 11, 4, 15), "cheap", notebook="a.ipynb", cell="c1", user="me")
    booked = {"job": "labels", "tags": '{"wbs":"1"}', "client": "a script"}
    spend(20, at(2026, 11, 4, 15, 59), "cheap", notebook="b.ipynb", **booked)
    spend(10, at(2026, 11, 4, 16), "cheap")
    spend(500, at(2026, 11, 4, 16), "train", Meter.TRAINING, bill=Bill(500, Source.PRICED))
    return usage()


def test_by_model_counts_sums_and_orders(calls):
    table = calls.asksage.by("model")
    expected = pandas.DataFrame(
        {
            "calls": [1, 3],
            "input_tokens": pandas.array([600, 400], "Int64"),
            "output_tokens": pandas.array([60, 40], "Int64"),
            "tokens": pandas.array([60, 40], "Int64"),
            "share": [0.6, 0.4],
            "mean": [60.0, 40 / 3],
        },
        index=pandas.Index(["dear", "cheap"], name="model", dtype=object),
    )
    assert_frame_equal(table, expected)
    assert_frame_equal(calls.asksage.by_model(), expected)


@pytest.mark.parametrize("name", ["notebook", "cell", "project", "user", "source", "status"])
def test_by_any_name_is_what_pandas_groups(calls, name):
    table = calls.asksage.by(name)
    mine = calls[calls.meter == "inference"]
    expected = mine.groupby(mine[name].astype(object), dropna=False).tokens.agg(["size", "sum", "mean"])
    assert set(table.index.fillna("-")) == set(expected.index.fillna("-"))
    assert list(table.tokens) == sorted(expected["sum"], reverse=True)
    assert table.calls.sum() == 4
    assert table.share.sum() == pytest.approx(1)
    by_name = dict(zip(table.index.fillna("-"), table["mean"], strict=True))
    assert by_name == pytest.approx(dict(zip(expected.index.fillna("-"), expected["mean"], strict=True)))


def test_by_day_has_the_days_without_a_call_in_the_accounts_zone(calls):
    table = calls.asksage.by("day")
    assert [day.date() for day in table.index] == [date(2026, 11, 2), date(2026, 11, 3), date(2026, 11, 4)]
    assert list(table.tokens) == [60, 0, 40]
    assert list(table.calls) == [1, 0, 3]
    assert numpy.isnan(table["mean"].iloc[1])
    assert str(table.index.dtype) == "datetime64[us]"


def test_by_hour_has_the_24_of_the_day(calls):
    table = calls.asksage.by("hour")
    assert list(table.index) == list(range(24))
    assert {hour: tokens for hour, tokens in table.tokens.items() if tokens} == {10: 30, 11: 10, 23: 60}


def test_meters_are_never_added_up(calls):
    assert calls.asksage.by("model", "training").tokens.to_dict() == {"train": 500}
    assert calls.asksage.by("model").tokens.sum() == 100
    with pytest.raises(BadInput, match="is no meter"):
        calls.asksage.by("model", "both")


def test_model_tokens_that_nobody_told_stay_unknown(calls):
    assert calls.asksage.by("model", "training").input_tokens.isna().all()


@pytest.mark.parametrize("name", [*BY, "holder"])
def test_an_empty_log_is_divided_into_nothing(name):
    table = usage(all_holders=True).asksage.by(name)
    assert list(table.columns) == ["calls", "input_tokens", "output_tokens", "tokens", "share", "mean"]
    assert [str(dtype) for dtype in table.dtypes] == ["int64", *["Int64"] * 3, *["float64"] * 2]
    assert table.tokens.sum() == 0


def test_what_it_cannot_be_divided_by_is_told_with_what_it_can(calls):
    with pytest.raises(BadInput, match=r"divided by model, notebook, .*, day, week, hour, not by 'month'"):
        calls.asksage.by("month")
    with pytest.raises(BadInput, match="not by 'holder'"):
        calls.asksage.by("holder")


def test_rows_of_a_log_are_a_log_and_other_frames_are_none(calls):
    assert calls[calls.model == "cheap"].asksage.by("notebook").tokens.sum() == 40
    other = pandas.DataFrame({"tokens": [1]})
    with pytest.raises(NotAUsageLog, match="no usage log, it has no column 'input_tokens'") as raised:
        other.asksage.by("model")
    (told,) = raised.value._render_traceback_()
    assert " ".join(told.split("\n")) == f"\x1b[1mNotAUsageLog\x1b[22m: {raised.value}"


def test_it_tells_what_it_can_do(calls):
    assert repr(calls.asksage).startswith("a usage log of 5 calls: .by, .by_model, .map, .pace, ")


# -- pace --------------------------------------------------------------------------------------------


def test_pace_is_of_this_log_and_the_current_balance():
    session = current()
    now = session.clock()
    for day in range(20):
        spend(50, now - day * DAY)
    pace = usage().asksage.pace()
    assert pace.remaining == session.ledger.balance(session.account).inference.remaining
    assert pace.a_day is not None
    half = usage().iloc[::2].asksage.pace()
    assert half.a_day < pace.a_day


def test_pace_of_an_empty_log_is_too_early_to_say():
    session = current()
    session.ledger.set_plan(session.account, Meter.INFERENCE, 100, source="me")
    assert usage().asksage.pace().words == "Too early to say how long it lasts."


# -- savings -----------------------------------------------------------------------------------------


def test_savings_price_the_same_model_tokens_on_other_models(server):
    now = current().clock()
    spend(100, now, MODEL, bill=Bill(100, Source.BILLED, input_tokens=1_000, output_tokens=200))
    spend(40, now, MODEL, bill=Bill(40, Source.BILLED, input_tokens=300, output_tokens=10))
    spend(7, now, MODEL, bill=Bill(7, Source.BILLED))
    spend(500, now, "train", Meter.TRAINING)
    found = usage().asksage.savings([OTHER, MODEL, OTHER])
    assert (found.billed, found.calls, found.left_out) == (140, 2, 1)
    for each in found.models:
        rate = current().pricing.rate(each.model)
        asked = [(1_000, 200), (300, 10)]
        assert each.tokens == sum(rate.bill(i, o) for i, o in asked)
    table = found.to_frame()
    assert list(table.difference) == [each.tokens - 140 for each in found.models]
    assert sorted(table.index) == sorted([MODEL, OTHER])
    assert "1 whose model tokens are not known were left out." in " ".join(str(found).split())
    assert found._repr_html_().count("<tr") == 3


def test_savings_without_models_compare_all_that_are_offered(server):
    spend(100, current().clock(), MODEL)
    found = usage().asksage.savings()
    offered = {model.id for model in current().models() if model.prompt_rate is not None}
    assert {each.model for each in found.models} == offered


def test_savings_of_an_empty_log(server):
    found = usage().asksage.savings([MODEL])
    assert [(each.model, each.tokens) for each in found.models] == [(MODEL, 0)]
    assert "0 calls were billed 0 tokens." in str(found)
    with pytest.raises(BadInput, match="name a model"):
        usage().asksage.savings([])


# -- files -------------------------------------------------------------------------------------------


def test_parquet_comes_back_as_it_was_with_its_units(calls, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "usage.parquet"
    calls.asksage.to_parquet(path)
    assert_frame_equal(pandas.read_parquet(path), calls)
    about = parquet.read_schema(path).field("tokens").metadata
    assert about == {b"unit": b"Ask Sage tokens", b"meaning": b"what was debited"} | {
        name: value for name, value in about.items() if name.startswith(b"PARQUET")
    }


def test_csv_comes_back_with_all_figures_and_its_units_beside_it(calls, tmp_path):
    path = tmp_path / "usage.csv"
    calls.asksage.to_csv(str(path))
    back = pandas.read_csv(path, parse_dates=["sent_at"])
    assert list(back.columns) == list(calls.columns)
    for column in usage.schema:
        if column.dtype == "Int64":
            assert_frame_equal(back[[column.name]].astype("Int64"), calls[[column.name]])
        else:
            read, written = (frame[column.name].astype(object) for frame in (back, calls))
            assert list(read.where(read.notna(), None)) == list(written.where(written.notna(), None))
    about = json.loads((tmp_path / "usage.csv-metadata.json").read_text())
    columns = {column["name"]: column for column in about["tableSchema"]["columns"]}
    assert list(columns) == list(calls.columns)
    assert columns["tokens"]["schema:unitText"] == "Ask Sage tokens"
    assert columns["sent_at"]["datatype"] == "dateTime"


def test_a_name_that_a_spreadsheet_would_work_out_is_a_name_in_every_csv(tmp_path, capsys):
    formula, wide, minus = "=cmd|'/C calc'!A0", "＝1+1", "-1+1"
    spend(60, at(2026, 11, 4), wide, notebook=f"work/{formula}", project=formula, user=minus)
    log = usage().assign(tokens=[-60])
    log.asksage.to_csv(tmp_path / "log.csv")
    log.asksage.to_focus(tmp_path / "focus.csv", price=0.5)
    [row] = pandas.read_csv(tmp_path / "log.csv").to_dict("records")
    assert [row[name] for name in ("model", "project", "user")] == [f"'{wide}", f"'{formula}", f"'{minus}"]
    assert (row["notebook"], row["tokens"]) == (f"work/{formula}", -60)
    [row] = pandas.read_csv(tmp_path / "focus.csv", dtype=str).to_dict("records")
    assert (row["SkuId"], row["SubAccountName"], row["x_User"]) == (r"\uff1d1+1", f"'{formula}", f"'{minus}")
    assert (row["EffectiveCost"], row["PricingQuantity"]) == ("-30.0", "-60.0")
    assert not [told for told in row.values() if isinstance(told, str) and told[0] in "=+@＝"]
    assert cli.main(["doctor", "--export", str(tmp_path / "ledger.csv")]) in (0, 1)
    held = pandas.read_csv(tmp_path / "ledger.csv").query("kind == 'hold'")
    assert (held.model.tolist(), held.project.tolist()) == ([f"'{wide}"], [f"'{formula}"])


def test_columns_of_ones_own_are_written_too(calls, tmp_path):
    calls["week"] = 45
    calls.asksage.to_csv(tmp_path / "usage.csv")
    calls.asksage.to_parquet(tmp_path / "usage.parquet")
    assert (pandas.read_parquet(tmp_path / "usage.parquet").week == 45).all()


def test_where_a_file_cannot_be_written_is_told(calls, tmp_path):
    for write in (calls.asksage.to_csv, calls.asksage.to_parquet):
        with pytest.raises(BadInput, match="cannot be written"):
            write(tmp_path / "absent" / "usage")


def test_parquet_without_pyarrow_says_what_to_install(calls, tmp_path, monkeypatch):
    real = builtins.__import__

    def absent(name, *rest):
        if name.startswith("pyarrow"):
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ConfigurationError, match=r"pip install 'asksage_jupyter\[analysis\]'"):
        calls.asksage.to_parquet(tmp_path / "usage.parquet")


# -- the report --------------------------------------------------------------------------------------


def test_the_report_is_a_table_with_totals_for_each_meter(calls):
    lines = str(report(period="2026-11")).splitlines()
    assert lines[0].endswith(" · 2026-11")
    assert lines[2] == "inference"
    assert lines[3].split() == ["model", "calls", "input", "output", "tokens", "share"]
    assert [line.split() for line in lines[5:7]] == [
        ["dear", "1", "600", "60", "60", "60.0%"],
        ["cheap", "3", "400", "40", "40", "40.0%"],
    ]
    assert lines[8].split() == ["total", "4", "1,000", "100", "100", "100.0%"]
    assert lines[10] == "training"
    assert lines[13].split() == ["train", "1", "–", "–", "500", "100.0%"]
    assert len({len(line) for line in lines[3:9]}) == 1  # right-aligned


def test_the_report_by_day_shows_the_empty_ones(calls):
    lines = [line.split() for line in str(report("day", "2026-11")).splitlines()]
    assert ["2026-11-03", "0", "–", "–", "0", "0.0%"] in lines


def test_the_report_puts_the_smallest_together():
    for number in range(45):
        spend(number + 1, at(2026, 11, 4), f"model {number:02d}")
    shown = str(report(period="2026-11"))
    assert "5 more" in shown
    assert "model 04" not in shown
    assert f"{sum(range(46)):,}" in shown.splitlines()[-1]


def test_the_report_lists_the_calls_without_a_bill(calls):
    session = current()
    sent = [at(2026, 12, 2) + number * HOUR for number in range(7)]
    for instant in sent:
        call = Call(new_op(), instant, "gpt-5", Meter.INFERENCE, 113)
        session.ledger.hold(session.account, call, due=session.clock() + HOUR)
    told = report(since="2026-12-01")
    below = str(told).partition(" · from 2026-12-01\n\n")[2].splitlines()
    assert below[0] == "7 calls without a bill yet: 791 tokens held"
    assert below[1] == "  2 Dec 01:00 EST · gpt-5 · 113 inference tokens held"
    assert [len(below), below[-1]] == [7, "  2 more"]
    assert "<div>7 calls without a bill yet: 791 tokens held</div>" in told._repr_html_()
    assert "without a bill" not in str(report(period="2026-11"))


def test_the_report_of_nothing(calls):
    assert str(report(since="2026-12-01")).endswith(" · from 2026-12-01\n\nNo calls.")
    assert "No calls." in report(since="2026-12-01")._repr_html_()
    with pytest.raises(BadInput, match="'month' is not one of model, notebook"):
        report("month")


def test_the_report_as_html_shows_names_as_text():
    spend(5, at(2026, 11, 4), "<script>alert(1)</script>")
    html = report(period="2026-11")._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "<tfoot" in html


def test_the_command_prints_the_same_report(calls, capsys):
    assert cli.main(["usage", "--by", "notebook", "--period", "2026-11"]) == 0
    assert capsys.readouterr().out == f"{report('notebook', '2026-11')}\n"
    assert cli.main(["usage", "--since", "tomorrow"]) == 1
    assert "since is a date like" in capsys.readouterr().err


# -- any range ----------------------------------------------------------------------------------------------


def test_by_week_has_the_weeks_without_a_call_each_by_its_monday(calls):
    spend(5, at(2026, 11, 23, 15))
    table = usage().asksage.by("week")
    assert [week.date() for week in table.index] == [date(2026, 11, day) for day in (2, 9, 16, 23)]
    assert list(table.tokens) == [100, 0, 0, 5]
    assert "2026-11-16" in str(report(by="week", since="2026-11-01"))


def test_a_report_of_all_time_begins_with_the_first_call(calls):
    spend(7, at(2025, 3, 1))
    whole = report(of_all_time=True)
    assert whole.meters["inference"].tokens.sum() == 107
    assert "all time" in str(whole)
    with pytest.raises(BadInput, match="all time, or a part of it"):
        report(since="2026-11-01", of_all_time=True)


def test_yesterday_is_a_day_of_the_accounts_zone(monkeypatch):
    AskSage.instance(zone="America/New_York")
    spend(60, at(2026, 11, 3, 4, 30))  # 2 Nov there
    spend(10, at(2026, 11, 3, 5, 30))  # 3 Nov there
    monkeypatch.setattr(current(), "_clock", lambda: at(2026, 11, 4, 4))  # 3 Nov, 23:00
    assert list(usage(since="yesterday", until="Yesterday").tokens) == [60]
    assert list(usage(since="today").tokens) == [10]
    assert "from 2026-11-02" in str(report(since="yesterday"))


def test_the_command_takes_any_range(calls, shell, capsys):
    shell.run_line_magic("asksage", "usage --all --by week")
    assert "2026-11-02" in capsys.readouterr().out
    with pytest.raises(BadInput, match="or today, yesterday"):
        shell.run_line_magic("asksage", "usage --since tomorrow")
