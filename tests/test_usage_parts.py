"""A log divided by any keys is what pandas groups, with calls and model tokens that are not known."""

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asksage_jupyter.account import Meter, tags
from asksage_jupyter.usage_log import frame
from asksage_jupyter.usage_log.parts import parts

DAY = 86_400 * 10**6
KEYS = ["model", "notebook", "source", "tag:wbs", "day", "week", "hour"]

_model_tokens = st.none() | st.integers(0, 9)
_calls = st.tuples(
    st.sampled_from("abc"),  # model
    st.sampled_from(list(Meter)),
    st.none() | st.sampled_from("mno"),  # notebook
    st.none() | st.sampled_from(['{"wbs":"1"}', '{"wbs":"2"}', '{"who":"me"}', '{"wbs":"1","who":"me"}']),
    st.integers(0, 40 * DAY),
    _model_tokens,
    _model_tokens,
    st.integers(0, 3),  # tokens: few values, so that there are ties
)


def log(calls):
    rows = [
        ("", 20_500 * DAY + sent_at, model, meter, notebook, None, None, None, asked, told, tokens, 1, "log",
         "ok", None, None, None, codes, None)
        for model, meter, notebook, codes, sent_at, asked, told, tokens in calls
    ]  # fmt: skip
    return frame(rows)


def plainly(calls, by):
    """Of each group its figures, as pandas has them of columns without categories."""
    local = calls["sent_at"].dt.tz_convert("America/New_York").dt.tz_localize(None)
    days = local.dt.normalize()
    keys = calls.astype(object).assign(day=days, hour=local.dt.hour.astype(object))
    keys["week"] = days - pandas.to_timedelta(days.dt.day_of_week, unit="D")
    keys["tag:wbs"] = [None if pandas.isna(codes) else tags.read(codes).get("wbs") for codes in keys["tags"]]
    groups = calls.groupby([keys[name] for name in by], dropna=False)
    return {
        told(key): (len(group), *(told(group[name].sum(min_count=least)) for name, least in FIGURES.items()))
        for key, group in groups
    }


FIGURES = {"input_tokens": 1, "output_tokens": 1, "tokens": 0}


def told(value):
    if isinstance(value, tuple):
        return tuple(told(each) for each in value)
    return None if pandas.isna(value) else value


@given(
    st.lists(_calls, max_size=30),
    st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True),
    st.integers(0, 5),
)
def test_any_keys_divide_as_pandas_groups(calls, by, first):
    calls = log(calls).iloc[first:]  # of some categories there is no call left
    table = parts(calls, by, Meter.INFERENCE, "America/New_York")
    if len(by) == 1:
        table = table[table["calls"] > 0]  # without the days and hours between
        pandas.testing.assert_frame_equal(
            parts(calls, by[0], Meter.INFERENCE, "America/New_York").loc[table.index], table
        )
        keys = [(told(key),) for key in table.index]
    else:
        keys = [told(key) for key in table.index]
    of_meter = calls[calls["meter"] == Meter.INFERENCE]
    columns = ("calls", *FIGURES)
    found = {key: tuple(told(table[name].iloc[row]) for name in columns) for row, key in enumerate(keys)}
    assert found == plainly(of_meter, by)
    assert len(found) == len(table)
    if by[0] in ("day", "week", "hour"):
        assert [key[0] for key in keys] == sorted(key[0] for key in keys)
    else:
        assert table["tokens"].is_monotonic_decreasing


@pytest.mark.parametrize("many", [3, 3_000])
def test_keys_with_more_labels_than_there_are_calls(many):
    calls = log([(str(place), Meter.INFERENCE, str(-place), None, 0, None, 1, 1) for place in range(many)])
    table = parts(calls, ["model", "notebook", "source", "model"], Meter.INFERENCE, "UTC")
    assert len(table) == many
    assert all(model == str(-int(notebook)) for model, notebook, *_ in table.index if model != "0")
