"""The usage log: the ledger's rows as a DataFrame of fixed columns and dtypes."""

from datetime import UTC, date, datetime, timedelta

import pytest
from ledger_desk import HOUR, a_bill, at

from asksage_jupyter import usage
from asksage_jupyter.account import Account, Bill, Call, Meter, Source, Status
from asksage_jupyter.errors import BadInput
from asksage_jupyter.ledger import CALL_COLUMNS, new_op
from asksage_jupyter.session import current
from asksage_jupyter.settings import AskSage
from asksage_jupyter.usage_log import SCHEMA, frame

DTYPES = {
    "op": "string",
    "sent_at": "datetime64[us, UTC]",
    "model": "category",
    "meter": "category",
    "notebook": "category",
    "cell": "category",
    "project": "category",
    "user": "category",
    "input_tokens": "Int64",
    "output_tokens": "Int64",
    "tokens": "Int64",
    "estimate": "Int64",
    "source": "category",
    "status": "category",
    "duration_ms": "Int64",
    "request_id": "string",
    "job": "category",
    "tags": "category",
    "client": "category",
}


def spend(tokens, *, account=None, sent_at=None, bill=None, **fields):
    """One settled call in the current session's ledger."""
    session = current()
    account = account or session.account
    ledger = session.ledger
    ledger.set_plan(account, Meter.INFERENCE, 100_000, source="me")
    call = Call(new_op(), sent_at or session.clock(), "a-model", Meter.INFERENCE, tokens, **fields)
    ledger.hold(account, call, due=session.clock() + HOUR)
    ledger.settle(call.op, bill or a_bill(tokens))
    return call


def dtypes(calls):
    return {name: str(dtype) for name, dtype in calls.dtypes.items()}


def test_a_settled_call_is_one_row_without_a_key():
    call = spend(
        70,
        bill=Bill(63, Source.BILLED, input_tokens=820, output_tokens=4, duration_ms=812),
        notebook="a.ipynb",
    )
    calls = usage()
    assert calls.shape == (1, 19)
    (row,) = calls.to_dict("records")
    assert row["op"] == call.op
    assert row["sent_at"].value // 1000 == call.sent_at
    assert (row["tokens"], row["estimate"], row["input_tokens"], row["output_tokens"]) == (63, 70, 820, 4)
    assert (row["meter"], row["source"], row["status"]) == ("inference", "billed", "ok")
    assert row["notebook"] == "a.ipynb"


def test_columns_and_dtypes_are_the_same_with_and_without_calls():
    empty = usage()
    spend(5)
    assert list(empty.columns) == list(usage().columns) == list(usage.schema.names)
    assert sorted(empty.columns) == sorted(CALL_COLUMNS)
    assert list(empty.columns)[:5] == ["sent_at", "model", "notebook", "cell", "tokens"]
    assert dtypes(empty) == dtypes(usage()) == DTYPES
    assert empty.empty


def test_what_is_not_known_is_na_and_does_not_turn_figures_into_floats():
    spend(5)
    calls = usage()
    assert calls[["input_tokens", "output_tokens", "duration_ms", "cell", "request_id"]].isna().all(axis=None)
    assert calls.tokens.sum() == 5
    assert dtypes(calls)["input_tokens"] == "Int64"


def test_the_schema_documents_every_column_as_it_is():
    assert usage.schema is SCHEMA
    assert sorted(usage.schema.names) == sorted(CALL_COLUMNS)
    assert {column.name: column.dtype for column in usage.schema} == DTYPES
    assert all(column.unit for column in usage.schema if column.dtype == "Int64")
    assert usage.schema["tokens"].unit == "Ask Sage tokens"
    with pytest.raises(KeyError):
        usage.schema["no_column"]


def test_the_schema_shows_itself_as_a_table():
    lines = str(usage.schema).splitlines()
    assert lines[0].split() == ["column", "dtype", "unit", "meaning"]
    assert len(lines) == len(usage.schema) + 2 == 21
    assert usage.schema._repr_html_().count("<tr") == 20


def test_closed_sets_are_categories_with_all_their_members():
    calls = usage()
    assert list(calls.meter.cat.categories) == [str(meter) for meter in Meter]
    assert list(calls.source.cat.categories) == [str(source) for source in Source]
    assert list(calls.status.cat.categories) == [str(status) for status in Status]


def test_rows_come_in_the_order_they_were_sent_and_group_by_notebook():
    now = current().clock()
    spend(2, sent_at=now + 2, notebook="b.ipynb")
    spend(1, sent_at=now + 1, notebook="a.ipynb")
    spend(4, sent_at=now + 3, notebook="a.ipynb")
    calls = usage()
    assert list(calls.tokens) == [1, 2, 4]
    assert calls.groupby("notebook").tokens.sum().to_dict() == {"a.ipynb": 5, "b.ipynb": 2}


def test_another_accounts_calls_are_not_among_them():
    spend(3, account=Account("api.example", "somebody@else"))
    assert usage().empty


def test_a_period_is_a_month_of_the_accounts_zone():
    AskSage.instance(zone="Asia/Tokyo")  # where December 2026 begins at 15:00 UTC
    spend(1, sent_at=at(2026, 10, 31, 15) - 1)
    spend(2, sent_at=at(2026, 10, 31, 15))
    spend(4, sent_at=at(2026, 11, 30, 15) - 1)
    spend(8, sent_at=at(2026, 11, 30, 15))
    assert list(usage("2026-11").tokens) == [2, 4]
    assert list(usage("2026-12").tokens) == [8]
    assert usage().tokens.sum() == 15
    assert dtypes(usage("2025-01")) == DTYPES


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        ("2026-11-01", None, [2, 4, 8]),
        (None, "2026-11-30", [1, 2, 4]),  # a day is meant whole
        (date(2026, 11, 1), date(2026, 11, 1), [2]),
        ("2026-11-30T23:59:59", "2026-12-01T00:00", [4]),  # a time ends there
        (datetime(2026, 11, 30, 15, tzinfo=UTC), None, [8]),
        ("2026-11-30T15:00:00Z", None, [8]),
    ],
)
def test_bounds_are_days_and_times_of_the_accounts_zone(since, until, found):
    AskSage.instance(zone="Asia/Tokyo")
    spend(1, sent_at=at(2026, 10, 31, 15) - 1)
    spend(2, sent_at=at(2026, 10, 31, 15))
    spend(4, sent_at=at(2026, 11, 30, 15) - 1)
    spend(8, sent_at=at(2026, 11, 30, 15))
    assert list(usage(since=since, until=until).tokens) == found


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"since": "tomorrow"}, "since is a date like 2026-11-23"),
        ({"until": 20261123}, "until is a date like 2026-11-23"),
        ({"since": "2026-11-24", "until": "2026-11-23"}, "nothing lies between"),
        ({"period": "2026-11", "since": "2026-11-01"}, "not both"),
        ({"until": "9999-12-31"}, "between the years"),
        ({"meter": "both"}, "'both' is no meter"),
    ],
)
def test_bounds_that_are_none_are_told_in_one_line(given, told):
    with pytest.raises(BadInput, match=told) as raised:
        usage(**given)
    assert "\n" not in str(raised.value)


def test_a_day_begins_where_the_clocks_skip_midnight():
    AskSage.instance(zone="America/Asuncion")  # 1 Oct 2017 began at 01:00, which was 04:00 UTC
    spend(1, sent_at=at(2017, 10, 1, 4) - 1)
    spend(2, sent_at=at(2017, 10, 1, 4))
    assert list(usage(since="2017-10-01").tokens) == [2]
    assert list(usage(until=date(2017, 10, 1) - timedelta(1)).tokens) == [1]


def test_one_meter_alone():
    spend(5)
    ledger, account = current().ledger, current().account
    ledger.set_plan(account, Meter.TRAINING, 1_000, source="me")
    call = Call(new_op(), current().clock(), "train", Meter.TRAINING, 9)
    ledger.hold(account, call, due=current().clock() + HOUR)
    ledger.settle(call.op, a_bill(9))
    assert list(usage(meter="training").tokens) == [9]
    assert list(usage(meter="inference").tokens) == [5]
    assert list(usage(meter="training").model.cat.categories) == ["train"]
    assert len(usage()) == 2


def test_all_holders_of_the_same_host_one_after_another():
    mine = current().account
    now = current().clock()
    spend(1, account=Account(mine.host, "zoe@example"), sent_at=now - 2)
    spend(2, account=Account(mine.host, "ann@example"), sent_at=now)
    spend(4, account=Account(mine.host, "ann@example"), sent_at=now - 1)
    spend(8, account=Account("another.example", "ann@example"))
    calls = usage(all_holders=True)
    assert list(zip(calls.holder, calls.tokens, strict=True)) == [
        ("ann@example", 4),
        ("ann@example", 2),
        ("zoe@example", 1),
    ]
    assert dtypes(calls) == DTYPES | {"holder": "category"}
    assert "holder" not in usage()


def test_all_holders_of_an_empty_ledger():
    assert dtypes(usage(all_holders=True)) == DTYPES | {"holder": "category"}


@pytest.mark.parametrize("period", ["", "November", "2026-13", "2026"])
def test_a_period_that_is_no_month_is_told_in_one_line(period):
    with pytest.raises(BadInput, match="write it like 2026-11"):
        usage(period)


def test_instants_keep_their_microseconds():
    sent_at = at(2026, 11, 23, 8, 37) + 1
    calls = frame([("op", sent_at, "m", "training", *[None] * 6, 5, 6, "presumed", "lost", *[None] * 5)])
    assert calls.sent_at[0].isoformat() == "2026-11-23T08:37:00.000001+00:00"
    assert (calls.meter[0], calls.source[0], calls.status[0]) == ("training", "presumed", "lost")
