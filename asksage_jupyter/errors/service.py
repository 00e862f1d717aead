"""Ask Sage, or the way to it, failed: certainly unbilled, or perhaps billed."""

from __future__ import annotations

from datetime import datetime

from ..display.dates import day
from .base import AskSageError


class ServiceError(AskSageError):
    """Ask Sage, or the way to it, failed.

    Attributes
    ----------
    status : int or None
        The status of the reply's body, else of HTTP; None when there was no reply.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        self.status = status
        super().__init__(message)


class Refused(ServiceError):
    """Certainly not billed."""


class BadKey(Refused):
    """The key or the JWT was not accepted."""


class OutOfTokens(Refused):
    """Ask Sage itself says that the tokens are used up; nothing was billed, and it is not sent again.

    Attributes
    ----------
    told : str
        The service's own words.
    limit : str
        Whose limit they name: ``"yours"``, ``"the pool's"``, ``"the plan's"``, or several; empty where none.
    meter : str
        ``"inference"`` or ``"training"``; empty where it is not known.
    needed, remaining : int or None
        Ask Sage tokens: of the call, and what the ledger counts as left.
    resets_at : datetime or None
        When the next allotment begins (UTC).
    """

    def __init__(
        self,
        told: str,
        *,
        status: int | None = None,
        limit: str = "",
        meter: str = "",
        needed: int | None = None,
        remaining: int | None = None,
        resets_at: datetime | None = None,
    ) -> None:
        self.told, self.limit, self.meter = told, limit, meter
        self.needed, self.remaining, self.resets_at = needed, remaining, resets_at
        whose = f"the limit is {limit}" if limit else "whose limit is not told"
        words = [f"out of tokens, says Ask Sage ({told}); {whose}. Nothing was billed."]
        if remaining is not None:
            words.append(f"The ledger here counts {remaining:,} {meter} tokens left: %asksage reconcile.")
        until = f"{day(resets_at, year=True)} (UTC)" if resets_at else "the month ends"
        asked = f"%asksage request N{' --meter training' * (meter == 'training')} --reason TEXT"
        super().__init__(f"{' '.join(words)} Wait until {until}, or ask for more: {asked}.", status=status)


class Unavailable(Refused):
    """Overloaded, rate-limited or unreachable; nothing was billed.

    Attributes
    ----------
    retry_after_s : float or None
        How long the service says to wait.
    """

    def __init__(
        self, message: str, *, status: int | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, status=status)
        self.retry_after_s = retry_after_s


class NotReached(Unavailable):
    """No Ask Sage answered: certificate, proxy, name, redirect, another host, silence.

    What an Ask Sage answers, a refusal too, is never one of these: only then does it count that a tenant
    does not tell a figure.

    Attributes
    ----------
    passing : bool
        Whether it may be over at the next try.
    """

    def __init__(self, message: str, *, status: int | None = None, passing: bool = False) -> None:
        super().__init__(message, status=status)
        self.passing = passing


class NoRoute(Refused):
    """The tenant does not have the route (HTTP 404 or 405 from before its own words)."""


class ReplyLost(ServiceError):
    """The request left, the reply did not arrive whole: it may have been billed.

    Attributes
    ----------
    text : str
        What of the reply had arrived.
    tokens : int or None
        Ask Sage tokens that it was billed, where a failure tells its bill.
    """

    def __init__(
        self, message: str, *, status: int | None = None, text: str = "", tokens: int | None = None
    ) -> None:
        super().__init__(message, status=status)
        self.text, self.tokens = text, tokens
