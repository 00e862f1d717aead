"""A log summed by day, hour, model, notebook and project at once: small, however many calls it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..display.plain import from_home
from .tally import NOT_KNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas

NAMED = ("model", "notebook", "project")
MOST_ROWS = 10_000  # of some 20 bytes, which a browser sums anew at each move of a brush

_HOUR_US = 3_600_000_000
_DAYS_SHOWN = 130  # more would be thinner than a brush is exact
# How the sums are made coarser until they are few enough: hours of a block, and names told apart.
_STEPS = (
    (1, (6, 9, 6)),
    (2, (6, 9, 6)),
    (3, (6, 8, 5)),
    (4, (5, 7, 5)),
    (6, (5, 6, 4)),
    (8, (4, 5, 3)),
    (12, (3, 4, 3)),
)


@dataclass(frozen=True, slots=True)
class Cube:
    """Sums of a log.

    Attributes
    ----------
    rows : pandas.DataFrame
        ``day`` (of the first day of its span, since 1 January 1970), ``hour`` (the first of its block), the
        numbers of ``model``, ``notebook`` and ``project``, ``tokens`` and ``calls``.
    names : dict of str to list of str
        Of each number; the one that took most first, and all that are not told apart together at the end.
    days, hours : int
        How many days and hours are one.
    """

    rows: pandas.DataFrame
    names: dict[str, list[str]]
    days: int
    hours: int


def cube(calls: pandas.DataFrame, zone: str) -> Cube:
    """The sums of `calls`, in the wall clock of `zone`, made coarser until they are at most `MOST_ROWS`."""
    whole, names = _whole(calls, zone)
    span = int(whole["day"].max() - whole["day"].min()) + 1
    fit = [days for days in (1, 7, 28) if span / days <= _DAYS_SHOWN] or [91]
    for days, hours, most in _ways(fit[0]):
        found = _coarser(whole, names, days, hours, most)
        if len(found.rows) <= MOST_ROWS:
            break
    return found


def date_of(number: Any) -> Any:
    """The day of a number of the cube's."""
    import pandas

    return pandas.Timestamp(int(number), unit="D")


def _ways(days: int) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """From fine to coarse."""
    for coarse in (days, 7 * days):
        yield from ((coarse, hours, most) for hours, most in _STEPS)


def _whole(calls: pandas.DataFrame, zone: str) -> tuple[pandas.DataFrame, dict[str, list[str]]]:
    """Sums by local hour and every name, the names in the order of their tokens."""
    import numpy
    import pandas

    tokens = calls["tokens"].astype("Int64").fillna(0).to_numpy("int64")
    # Quarters of an hour: all zones are whole ones away from UTC.
    quarters = pandas.to_datetime(calls["sent_at"], utc=True).dt.as_unit("us").astype("int64") // (
        _HOUR_US // 4
    )
    codes, starts = pandas.factorize(quarters)
    local = (
        pandas.to_datetime(starts * (_HOUR_US // 4), unit="us", utc=True).tz_convert(zone).tz_localize(None)
    )
    key, hour = codes.astype("int64"), local.astype("datetime64[us]").astype("int64") // _HOUR_US
    key = hour.to_numpy()[key]
    names, sizes = {}, []
    for name in NAMED:
        numbers, names[name] = _ranked(calls[name], tokens)
        sizes.append(len(names[name]))
        key = key * sizes[-1] + numbers
    summed = pandas.DataFrame({"key": key, "tokens": tokens, "calls": 1}).groupby("key", sort=False).sum()
    rest = summed.index.to_numpy()
    rows: dict[str, Any] = {}
    for name, size in zip(NAMED[::-1], sizes[::-1], strict=True):
        rest, rows[name] = numpy.divmod(rest, size)
    rows |= {"day": rest // 24, "hour": rest % 24}
    return pandas.DataFrame(rows | {name: summed[name].to_numpy() for name in ("tokens", "calls")}), names


def _ranked(column: pandas.Series[Any], tokens: Any) -> tuple[Any, list[str]]:
    """A number for each call's name, 0 for the one that took most; and the names by number."""
    import numpy
    import pandas

    codes, found = pandas.factorize(column)
    names = [
        *(from_home(str(name)) for name in found),
        NOT_KNOWN,
    ]  # the code of what is not known is -1, the last
    if not (codes < 0).any():
        names.pop()
    taken = numpy.bincount(codes % len(names), weights=tokens, minlength=len(names))
    order = numpy.argsort(-taken, kind="stable")
    places = numpy.empty_like(order)
    places[order] = numpy.arange(len(order))
    return places[codes % len(names)], [names[place] for place in order]


def _coarser(
    whole: pandas.DataFrame, names: dict[str, list[str]], days: int, hours: int, most: tuple[int, ...]
) -> Cube:
    first = whole["day"].min()
    rows = whole.assign(
        day=first + (whole["day"] - first) // days * days, hour=whole["hour"] // hours * hours
    )
    told = {}
    for name, many in zip(NAMED, most, strict=True):
        listed = names[name]
        if len(listed) > many:
            rows[name] = rows[name].clip(upper=many - 1)
            listed = [*listed[: many - 1], f"{len(listed) - many + 1:,} others"]
        told[name] = listed
    keys = ["day", "hour", *NAMED]
    return Cube(rows.groupby(keys, as_index=False)[["tokens", "calls"]].sum(), told, days, hours)
