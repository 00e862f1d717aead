"""The usage log divided: what each model, notebook or day used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy
import pandas

from ..account import tags
from ..display.plain import shown
from ..errors import BadInput
from .dtypes import as_logged
from .schema import CATEGORY, HOLDER, LISTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..account import Meter

    By = str | Sequence[str]

TIMES = ("day", "week", "hour")
NAMES = tuple(each.name for each in (*LISTED, HOLDER) if each.dtype == CATEGORY and each.name != "meter")
_HOURS = 24
_STEPS = {"day": "D", "week": "7D"}


def parts(calls: pandas.DataFrame, by: By, meter: Meter, zone: str) -> pandas.DataFrame:
    """The calls of a meter, divided.

    Parameters
    ----------
    by : str or sequence of str
        One of `NAMES`, ``"tag:"`` with the name of a billing code, or ``"day"``, ``"week"`` or ``"hour"`` in
        `zone`; or several.

    Returns
    -------
    pandas.DataFrame, indexed by `by`
        As `UsageLog.by` tells.

    Raises
    ------
    BadInput
        There is no such column.
    """
    calls = as_logged(calls)
    names = [by] if isinstance(by, str) else list(by)
    is_meters = calls["meter"] == meter
    if not is_meters.all():
        calls = calls[is_meters]
    keys = [_key(calls, name, zone).rename(name) for name in names]
    is_time = names[0] in TIMES
    groups = calls.groupby(keys, observed=True, dropna=False, sort=is_time)
    figures: Any = {
        "calls": groups.size(),
        # Where no call of a group tells its model tokens, their sum is not known either.
        "input_tokens": groups["input_tokens"].sum(min_count=1),
        "output_tokens": groups["output_tokens"].sum(min_count=1),
        "tokens": groups["tokens"].sum(),
    }
    table = pandas.DataFrame(figures)
    if is_time and len(names) == 1:
        table = _without_gaps(table, names[0]).rename_axis(names[0])
    else:
        if len(names) == 1:
            table.index = table.index.astype(object)
        if not is_time:
            table = table.sort_values(["tokens", "calls"], ascending=False, kind="stable")
    return _with_shares(table.astype({"calls": "int64", "tokens": "Int64"}))


def _key(calls: pandas.DataFrame, by: str, zone: str) -> Any:
    if by in TIMES:
        local = calls["sent_at"].dt.tz_convert(zone).dt.tz_localize(None)
        if by == "hour":
            return local.dt.hour
        days = local.dt.normalize()
        # A week is called by its Monday.
        return days if by == "day" else days - pandas.to_timedelta(days.dt.day_of_week, unit="D")
    if by in NAMES and by in calls:
        return calls[by]
    if str(by).startswith(tags.PREFIX) and by != tags.PREFIX and "tags" in calls:
        wanted, column = by.removeprefix(tags.PREFIX), calls["tags"]
        # Once for each set of codes, of which there are few; several sets may have one code.
        codes = {text: tags.read(text).get(wanted) for text in column.cat.categories}
        return column.map(codes, na_action="ignore").astype(object)
    allowed = [name for name in NAMES if name in calls]
    codes_too = [f"{tags.PREFIX}NAME"] if "tags" in calls else []
    known = ", ".join([*allowed, *codes_too, *TIMES])
    raise BadInput(f"the log is divided by {known}, not by {shown(by)}")


def _without_gaps(table: pandas.DataFrame, by: str) -> pandas.DataFrame:
    """All hours of the day, or all days or weeks from the first to the last."""
    if by == "hour":
        whole: Any = pandas.RangeIndex(_HOURS)
    elif table.empty:
        whole = pandas.DatetimeIndex([], dtype="datetime64[us]")
    else:
        whole = pandas.date_range(table.index.min(), table.index.max(), freq=_STEPS[by], unit="us")
    table = table.reindex(whole)
    return table.fillna({"calls": 0, "tokens": 0})


def _with_shares(table: pandas.DataFrame) -> pandas.DataFrame:
    tokens = table["tokens"].to_numpy("float64")
    whole = tokens.sum()
    table["share"] = tokens / whole if whole else numpy.zeros(len(tokens))
    with numpy.errstate(invalid="ignore", divide="ignore"):
        table["mean"] = tokens / table["calls"].to_numpy("float64")
    return table
