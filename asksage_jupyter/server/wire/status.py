"""What the status item says: one quiet line, and more on hovering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...account import Level, advice, gauges, limiting

if TYPE_CHECKING:
    from ...account import Balance, Gauge, MeterBalance
    from ...forecast import Pace
    from ...session.holder.access import Noted

_TITLES = {
    "no-key": "No key",
    "bad-key": "Key not accepted",
    "not-reached": "Not reached",
    "asking": "Asking Ask Sage …",
}


def access_title(noted: Noted) -> str:
    """What stands between the account and the service, in two or three words."""
    return _TITLES[noted.state.value]


def without(trouble: str | None, noted: Noted | None) -> dict[str, Any]:
    """What is said where there are no figures."""
    words = "no calls yet" if noted is None else access_title(noted)
    told = f"Ask Sage: {'not available' if trouble else words}"
    details = trouble or (noted.words if noted else "")
    return {"level": Level.UNKNOWN.value, "remaining": told, "used": told, "details": details}


def status(balance: Balance, pace: Pace | None, noted: Noted | None, now: int) -> dict[str, Any]:
    """What is said of the inference meter: what can be spent, or what was used."""
    meter, zone = balance.inference, balance.account.zone
    if not meter.used and not balance.is_known:
        return without(None, noted)
    found = limiting(meter)
    whose = "Local demo" if balance.account.is_demo else "Ask Sage"
    told = [
        balance.title,
        noted.words if noted else "",
        *_limits(meter, found),
        meter.bound_words,
        balance.resets_words(now),
        *((pace.words, pace.advice) if pace else (advice(meter, zone),)),
    ]
    return {
        "level": found.level.value,
        "remaining": f"{whose} {_figure(found, meter, is_used=False)}",
        "used": f"{whose} {_figure(found, meter, is_used=True)}",
        "details": "\n".join(filter(None, told)),
    }


def _figure(found: Gauge, meter: MeterBalance, *, is_used: bool) -> str:
    level, remaining = found.level, found.remaining
    if level is Level.OVER:
        return f"{found.headline[0]} over"
    if level is Level.USED_UP:
        return level.words
    figure = f"{meter.used:,} used" if is_used or remaining is None else f"{remaining:,} left"
    return ", ".join(filter(None, (figure, level.words)))


def _limits(meter: MeterBalance, first: Gauge) -> list[str]:
    """What is left; to a pool's member, first of what gives out first."""
    if meter.pool is None:
        return [" ".join(first.headline)]
    if meter.is_uncapped:
        return [f"Limited by the pool: {first.words}", f"You used {meter.used:,} of it"]
    names = {True: "the pool", False: "your cap"}
    other = next(each for each in gauges(meter) if each.pool != first.pool)
    name = names[bool(other.pool)]
    return [
        f"Limited by {names[bool(first.pool)]}: {first.words}",
        f"{name[:1].upper()}{name[1:]}: {other.words}",
    ]
