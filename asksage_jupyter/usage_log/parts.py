"""The usage log divided: what each model, notebook or day used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy
import pandas
from pandas.api.extensions import take

from ..account import tags
from ..display.plain import shown
from ..errors import BadInput
from .dtypes import as_logged
from .schema import CATEGORY, HOLDER, LISTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..account import Meter

    By = str | Sequence[str]

Key = tuple[Any, Any]
"""The places of labels, -1 for none; and the labels, in order."""

TIMES = ("day", "week", "hour")
NAMES = tuple(each.name for each in (*LISTED, HOLDER) if each.dtype == CATEGORY and each.name != "meter")
_FIGURES = ("input_tokens", "output_tokens", "tokens")
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
    is_meters = (calls["meter"] == meter).to_numpy(bool)
    rows: Any = slice(None) if is_meters.all() else is_meters
    keys = [_key(calls, name, zone) for name in names]
    groups, places = _crossed([(codes[rows], labels) for codes, labels in keys])

    counted = numpy.zeros(len(places[0]), "int64")
    numpy.add.at(counted, groups, 1)
    occurring = counted > 0
    figures = {name: _summed(calls[name][rows], groups, counted)[occurring] for name in _FIGURES}
    index = _index([(at[occurring], labels) for at, (_, labels) in zip(places, keys, strict=True)], names)
    table = pandas.DataFrame({"calls": counted[occurring], **figures}, index=index)
    table["tokens"] = table["tokens"].fillna(0)
    if names[0] not in TIMES:
        table = table.sort_values(["tokens", "calls"], ascending=False, kind="stable")
    elif len(names) == 1:
        table = _without_gaps(table, names[0]).rename_axis(names[0])
    return _with_shares(table)


def _key(calls: pandas.DataFrame, by: str, zone: str) -> Key:
    if by in TIMES:
        local = calls["sent_at"].dt.tz_convert(zone).dt.tz_localize(None)
        if by == "hour":
            return pandas.factorize(local.dt.hour.to_numpy(), sort=True)
        days = local.dt.normalize()
        # A week is called by its Monday.
        weeks = days if by == "day" else days - pandas.to_timedelta(days.dt.day_of_week, unit="D")
        return pandas.factorize(weeks.to_numpy(), sort=True)
    if by in NAMES and by in calls:
        column = calls[by].array
        return column.codes, pandas.Categorical(column.categories, dtype=column.dtype)
    if str(by).startswith(tags.PREFIX) and by != tags.PREFIX and "tags" in calls:
        wanted, column = by.removeprefix(tags.PREFIX), calls["tags"].array
        # Once for each set of codes, of which there are few; several sets may have one code.
        named = [tags.read(text).get(wanted) for text in column.categories]
        places, labels = pandas.factorize(numpy.array(named, dtype=object), sort=True)
        return numpy.append(places, -1)[column.codes], labels
    allowed = [name for name in NAMES if name in calls]
    codes_too = [f"{tags.PREFIX}NAME"] if "tags" in calls else []
    known = ", ".join([*allowed, *codes_too, *TIMES])
    raise BadInput(f"the log is divided by {known}, not by {shown(by)}")


def _crossed(keys: list[Key]) -> tuple[Any, list[Any]]:
    """Each call's group; and the place of each group's label in every key, -1 where it has none.

    Groups are in the order of their labels, those without one behind, and may have no call.
    """
    groups: Any = keys[0][0]
    places = [_places(keys[0][1])]
    for codes, labels in keys[1:]:
        sizes = len(places[0]), len(labels) + 1
        # "wrap" takes -1 for the last, as indexing does.
        groups = numpy.ravel_multi_index((groups, codes), sizes, mode="wrap")
        if sizes[0] * sizes[1] <= len(groups):
            found = numpy.arange(sizes[0] * sizes[1])
        else:
            groups, found = pandas.factorize(groups, sort=True)
        before, last = numpy.unravel_index(found, sizes)
        places = [*(each[before] for each in places), _places(labels)[last]]
    return groups, places


def _places(labels: Any) -> Any:
    return numpy.append(numpy.arange(len(labels)), -1)


def _summed(figure: pandas.Series, groups: Any, counted: Any) -> Any:
    """The sum of each group, which is not known where none of its calls tells it."""
    sums, untold = numpy.zeros((2, len(counted)), "int64")
    numpy.add.at(sums, groups, figure.to_numpy("int64", na_value=0))
    if (unknown := figure.isna().to_numpy()).any():
        numpy.add.at(untold, groups[unknown], 1)
    return pandas.arrays.IntegerArray(sums, untold == counted)


def _index(labelled: list[Key], names: list[str]) -> pandas.Index[Any]:
    found = [take(labels, places, allow_fill=True) for places, labels in labelled]
    if len(names) > 1:
        return pandas.MultiIndex.from_arrays(found, names=names)
    return pandas.Index(found[0], dtype=None if names[0] in TIMES else object, name=names[0])


def _without_gaps(table: pandas.DataFrame, by: str) -> pandas.DataFrame:
    """All hours of the day, or all days or weeks from the first to the last."""
    if by == "hour":
        whole: Any = pandas.RangeIndex(_HOURS)
    elif table.empty:
        whole = pandas.DatetimeIndex([], dtype="datetime64[us]")
    else:
        whole = pandas.date_range(table.index.min(), table.index.max(), freq=_STEPS[by], unit="us")
    table = table.reindex(whole)
    return table.fillna({"calls": 0, "tokens": 0}).astype({"calls": "int64"})


def _with_shares(table: pandas.DataFrame) -> pandas.DataFrame:
    tokens = table["tokens"].to_numpy("float64")
    whole = tokens.sum()
    table["share"] = tokens / whole if whole else numpy.zeros(len(tokens))
    with numpy.errstate(invalid="ignore", divide="ignore"):
        table["mean"] = tokens / table["calls"].to_numpy("float64")
    return table
