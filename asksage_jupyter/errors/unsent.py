"""What nothing is sent for: too few tokens, or a limit of the person's own."""

from __future__ import annotations

from datetime import datetime

from ..display.dates import day
from ..display.plain import many
from .base import AskSageError


class NotEnoughTokens(AskSageError):
    """The meter cannot pay for the estimate; nothing was sent.

    Attributes
    ----------
    meter : str
        ``"inference"`` or ``"training"``.
    needed, remaining : int
        Ask Sage tokens.
    resets_at : datetime
        When the next allotment begins (UTC).
    short : str
        What is short, of a pool's member: ``"the pool lab"`` or ``"your cap"``; else empty.
    cheaper : tuple of (str, int) or None
        A model that could be paid, and about what it would cost.
    """

    def __init__(
        self,
        meter: str,
        needed: int,
        remaining: int,
        resets_at: datetime,
        *,
        short: str = "",
        cheaper: tuple[str, int] | None = None,
    ) -> None:
        self.meter, self.needed, self.remaining, self.resets_at = meter, needed, remaining, resets_at
        self.short, self.cheaper = short, cheaper
        left = f"{remaining:,} remaining" if remaining >= 0 else f"{-remaining:,} over"
        if short:
            left = f"{short} has {remaining:,} left"
        ways = [f"{cheaper[0]} would cost about {cheaper[1]:,}"] if cheaper else []
        training = " --meter training" * (meter == "training")
        more = (
            "ask the pool's owner for more" if short else f"more: %asksage request N{training} --reason TEXT"
        )
        ways.append(more)
        super().__init__(
            f"not enough {meter} tokens: {needed:,} needed, {left} until "
            f"{day(resets_at, year=True)} (UTC). Nothing was sent; {'; '.join(ways)}."
        )


class OverLimit(AskSageError):
    """The estimate is above the limit the person gave for this call; nothing was sent.

    Attributes
    ----------
    estimate, limit : int
        Ask Sage tokens.
    """

    def __init__(self, estimate: int, limit: int) -> None:
        self.estimate, self.limit = estimate, limit
        super().__init__(
            f"the estimate is {estimate:,} tokens, above your limit of {limit:,}. Nothing was sent; "
            f"shorten the prompt, choose a cheaper model or raise --max-tokens."
        )


class OverEnvelope(OverLimit):
    """The estimate is above what is left of an envelope; nothing was sent.

    Attributes
    ----------
    estimate, limit : int
        Ask Sage tokens; `limit` is what is left.
    envelope : str
        Which, in words.
    """

    def __init__(self, envelope: str, estimate: int, left: int, told_by: str) -> None:
        self.envelope, self.estimate, self.limit = envelope, estimate, left
        AskSageError.__init__(
            self,
            f"{envelope} has {many(left, 'token')} left, {estimate:,} needed. Nothing was sent; it is "
            f"limited by {told_by or 'its caller'}.",
        )


class NeedsConfirmation(OverLimit):
    """The estimate is above ``AskSage.confirm_above`` and nobody confirmed it; nothing was sent.

    Attributes
    ----------
    estimate, limit : int
        Ask Sage tokens.
    """

    def __init__(self, estimate: int, limit: int, how: str) -> None:
        self.estimate, self.limit = estimate, limit
        AskSageError.__init__(
            self,
            f"the estimate is {estimate:,} tokens, and above {limit:,} you confirm what is sent "
            f"(AskSage.confirm_above). Nothing was sent; {how} confirms it.",
        )
