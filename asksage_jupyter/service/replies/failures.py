"""The errors that a reply or its absence comes to, in words that say what to do."""

from __future__ import annotations

import math

from ...errors import BadKey, Refused, ReplyLost, Unavailable


def bad_key(told: str, status: int | None) -> BadKey:
    """The key or the JWT was not accepted."""
    return BadKey(
        f"Ask Sage did not accept the key ({told}): check ASKSAGE_API_KEY and ASKSAGE_EMAIL, "
        f"or run %asksage login.",
        status=status,
    )


def busy(told: str, status: int | None, retry_after_s: float | None = None) -> Unavailable:
    """Overloaded or rate-limited."""
    return Unavailable(
        f"Ask Sage is busy ({told}); nothing was billed: try again {_when(retry_after_s)}.",
        status=status,
        retry_after_s=retry_after_s,
    )


def _when(wait_s: float | None) -> str:
    if not wait_s:
        return "later"
    if wait_s < 120:
        return f"in {math.ceil(wait_s)} s"
    return f"in {math.ceil(wait_s / 60)} minutes" if wait_s < 7200 else f"in {math.ceil(wait_s / 3600)} hours"


def refused(told: str, status: int | None) -> Refused:
    """Certainly not billed, and not worth another try."""
    return Refused(
        f"Ask Sage refused: {told}{'' if told[-1:] in '.!?' else '.'} Nothing was billed.", status=status
    )


def lost(reason: str, status: int | None, text: str = "", tokens: int | None = None) -> ReplyLost:
    """It may have been billed; it was, where `tokens` are told."""
    billed = f"it was billed {tokens:,} tokens" if tokens else "it may have been billed"
    return ReplyLost(f"{reason}: {billed}.", status=status, text=text, tokens=tokens or None)
