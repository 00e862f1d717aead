"""Charts of the usage log, made with Altair and drawn by JupyterLab without a network.

Each takes a log as `usage` gives it, filtered as you like, and this month's when there is none. Each is of
one meter, shows itself in a notebook, and describes itself in words elsewhere. Only sums reach the notebook,
and a sample of dots, so that ten million calls are charted as well as ten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import month
from ..account import Meter
from ..session import current, given

if TYPE_CHECKING:
    import pandas

    from .chart import Chart

__all__ = ["estimate_chart", "explore", "heatmap", "top_chart", "usage_chart"]


def usage_chart(
    log: pandas.DataFrame | None = None, period: str | None = None, meter: str = "inference"
) -> Chart:
    """A month's tokens per day by model, and above them whether they will last.

    The line of what was used so far stands against the even line, which spends the allotment evenly over the
    working days; the band is the forecast of `pace`, with four chances in five.

    Parameters
    ----------
    log : pandas.DataFrame, optional
        Drawn in place of the ledger's calls, against the current account's allotment. The ledger's own also
        show what other devices spent.
    period : str, optional
        A month like ``"2026-11"``; this month, or that of the log's last call, when absent.
    meter : str
        ``"inference"`` or ``"training"``.

    Returns
    -------
    Chart
        ``.altair`` to change or save it, ``.description`` in words.

    Raises
    ------
    BadInput
        A value that is not allowed, or a DataFrame that is no usage log.
    ConfigurationError
        Altair is not installed.
    LedgerError
        The ledger cannot be read.
    """
    from . import usage
    from .course import course
    from .tally import by_day, by_time, of_meter

    period = None if period is None else month.named(period)
    session = current()
    if log is None:
        session.make_contact(needs_key=False)
    calls = of_meter(_log(log, period), meter, "sent_at", "model", "tokens")
    tally = by_time(calls, session.account.zone)
    if period is None:
        period = _this_month() if log is None or tally.empty else f"{tally['at'].max():%Y-%m}"
    found, pace = course(session, Meter(meter), period, None if log is None else by_day(tally))
    return usage.draw(tally[tally["at"].dt.strftime("%Y-%m") == period], meter, found, pace)


def heatmap(log: pandas.DataFrame | None = None, meter: str = "inference") -> Chart:
    """Tokens by weekday and hour of the day, in the account's time zone.

    Parameters
    ----------
    log : pandas.DataFrame, optional
        This month's calls when absent.
    meter : str
        ``"inference"`` or ``"training"``.

    Returns
    -------
    Chart

    Raises
    ------
    BadInput, ConfigurationError, LedgerError
        As of `usage_chart`.
    """
    from . import empty, hours
    from .tally import by_time, of_meter

    zone = current().account.zone
    calls = of_meter(_log(log), meter, "sent_at", "model", "tokens")
    if calls.empty:
        return empty.draw(_nothing(log, meter))
    return hours.draw(by_time(calls, zone), meter, zone, _elsewhere(log, calls, meter))


def top_chart(
    log: pandas.DataFrame | None = None, by: str = "notebook", limit: int = 10, meter: str = "inference"
) -> Chart:
    """The notebooks, or whatever else `by` says, that took most tokens.

    Parameters
    ----------
    log : pandas.DataFrame, optional
        This month's calls when absent.
    by : str
        ``"notebook"``, ``"cell"``, ``"model"``, ``"project"`` or ``"user"``.
    limit : int
        How many; all others are one bar.
    meter : str
        ``"inference"`` or ``"training"``.

    Returns
    -------
    Chart

    Raises
    ------
    BadInput, ConfigurationError, LedgerError
        As of `usage_chart`.
    """
    from . import empty, top
    from .tally import of_meter

    limit = given.whole(limit, "limit", least=1)
    calls = of_meter(_log(log), meter, *top.columns_of(by), "tokens")
    if calls.empty:
        return empty.draw(_nothing(log, meter))
    return top.draw(calls, meter, by, limit, _elsewhere(log, calls, meter))


def estimate_chart(log: pandas.DataFrame | None = None, meter: str = "inference") -> Chart:
    """What calls were estimated at against what was billed, a dot each.

    Parameters
    ----------
    log : pandas.DataFrame, optional
        This month's calls when absent.
    meter : str
        ``"inference"`` or ``"training"``.

    Returns
    -------
    Chart
        Of many calls a sample is drawn, always the same; the figures in words are of all.

    Raises
    ------
    BadInput, ConfigurationError, LedgerError
        As of `usage_chart`.
    """
    from . import empty, estimates
    from .tally import of_meter

    known = estimates.known(of_meter(_log(log), meter, "estimate", "tokens", "source"))
    return empty.draw(_nothing(log, meter)) if known.empty else estimates.draw(known, meter)


def explore(log: pandas.DataFrame | None = None, meter: str = "inference") -> Chart:
    """One picture of days, hours, models, notebooks and projects, to look into by brush and click.

    What is dragged over or clicked in one part filters all others, and the list of the dearest calls; the
    menus below it do the same by keyboard. It needs no kernel, so that a saved notebook is explored as well.

    Parameters
    ----------
    log : pandas.DataFrame, optional
        This month's calls when absent.
    meter : str
        ``"inference"`` or ``"training"``.

    Returns
    -------
    Chart
        Of sums: however many calls there are, it keeps at most some 200 kB. Where there are too many days,
        hours or names to tell apart, neighbours are one, and names that took little are "others".

    Raises
    ------
    BadInput, ConfigurationError, LedgerError
        As of `usage_chart`.
    """
    from . import empty, linked
    from .tally import of_meter

    zone = current().account.zone
    calls = of_meter(_log(log), meter, *linked.COLUMNS)
    if calls.empty:
        return empty.draw(_nothing(log, meter))
    return linked.draw(calls, meter, zone, _elsewhere(log, calls, meter))


def _log(log: pandas.DataFrame | None, period: str | None = None) -> pandas.DataFrame:
    if log is not None:
        return log
    from ..usage_log import usage

    return usage(period or _this_month())


def _this_month() -> str:
    session = current()
    return month.period_at(session.clock(), session.account.zone)


def _elsewhere(log: pandas.DataFrame | None, calls: pandas.DataFrame, meter: str) -> int:
    """What other devices took this month: it is in the ledger and not among its calls. 0 of a given log."""
    if log is not None:
        return 0
    session = current()
    starts, ends = month.bounds(_this_month(), session.account.zone)
    spending = session.ledger.spending(session.account, Meter.named(meter), starts, ends)
    return max(0, sum(tokens for _, tokens in spending) - int(calls["tokens"].sum()))


def _nothing(log: pandas.DataFrame | None, meter: str) -> str:
    return f"No {meter} call {'this month yet' if log is None else 'in this log'}."
