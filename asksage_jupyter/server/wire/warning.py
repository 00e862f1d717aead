"""Of what a person should be warned once a month, and the names under which a front end remembers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...account import Level, limiting

if TYPE_CHECKING:
    from ...account import Balance, MeterBalance
    from ...forecast import Pace


def warning(
    balance: Balance, meter: MeterBalance, pace: Pace | None, now: int, period: str
) -> dict[str, Any] | None:
    """What holds of a meter now; None while all is well.

    Returns
    -------
    dict or None
        ``keys``, the causes, the gravest first: one message tells of all, and each comes back with the next
        month, or in another account. ``words``, the message.
    """
    causes = _causes(limiting(meter).level, lasts=pace is None or pace.lasts is not False)
    if not causes:
        return None
    account = balance.account
    whose = f"{'Local demo' if account.is_demo else 'Ask Sage'} {meter.meter} tokens"
    if causes[0] == "will-not-last" and pace is not None:
        words = f"{whose} will not last until the reset. {pace.words}"
    else:
        words = f"{whose}: {limiting(meter).words}. {balance.resets_words(now)}."
    return {
        "keys": [" ".join((account.host, account.holder, period, meter.meter, cause)) for cause in causes],
        "words": words,
    }


def _causes(level: Level, *, lasts: bool) -> list[str]:
    is_over = level in (Level.OVER, Level.USED_UP)
    causes = {"used-up": is_over, "very-low": is_over or level is Level.VERY_LOW, "will-not-last": not lasts}
    return [cause for cause, holds in causes.items() if holds]
