"""What can go wrong, as a tree.

::

    AskSageError                 one line in a notebook; figures as attributes
    ├── BadInput                 an option, value or file of the person's that cannot be used
    ├── ConfigurationError       a setting or credential is missing or unsafe
    │   └── NoKey                neither a key nor the local demo
    ├── NotEnoughTokens          the meter cannot pay; nothing was sent
    ├── OverLimit                the person's own --max-tokens; nothing was sent
    │   ├── OverEnvelope         less is left of an envelope; nothing was sent
    │   └── NeedsConfirmation    above AskSage.confirm_above, and nobody said yes; nothing was sent
    ├── ServiceError             Ask Sage, or the way to it, failed
    │   ├── Refused              certain: nothing was billed, the hold is voided
    │   │   ├── BadKey           the key or the JWT is not accepted
    │   │   ├── OutOfTokens      Ask Sage itself says that the tokens are used up
    │   │   ├── Unavailable      overloaded or rate-limited: try again later
    │   │   │   └── NotReached   no Ask Sage answered at all: the way there failed
    │   │   └── NoRoute          this tenant does not have the route
    │   └── ReplyLost            it may have been billed: the hold stays open
    ├── Interrupted              the person stopped it: the hold stays open
    ├── JobStopped               a map ended before its end; what was answered is in its result
    └── LedgerError
        ├── LedgerConflict       the same op with other figures
        ├── LedgerMissing        there is none yet, and who asked only reads
        ├── LedgerTooNew         written by a newer version
        └── LedgerUnusable       no right to write, disk full, network file system, damaged
            └── LedgerRefused    the database refuses this entry and takes others
"""

from __future__ import annotations

import sys
from datetime import datetime
from textwrap import TextWrapper
from typing import Any

from .display.dates import day
from .display.plain import plain

# As wide as a cell of JupyterLab between its two sidebars.
_BY_WORDS = TextWrapper(88, break_long_words=False, break_on_hyphens=False)


class AskSageError(Exception):
    """Base of all expected errors; renders as one line in IPython."""

    def _render_traceback_(self) -> list[str]:
        # IPython calls this instead of printing frames: the message says what to do, and frames
        # could show locals that hold a prompt. A message may quote the service. Front ends break a long line
        # within its words, or not at all.
        lines = plain(f"{type(self).__name__}: {self}").split("\n")
        return ["\n".join(map(_BY_WORDS.fill, lines))]

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is pickled as its class and its message, which is not what `__init__` takes here: a
        # pool of processes would wait for ever for one that cannot be made again.
        return _made_again, (type(self), self.args), self.__dict__


def _made_again(kind: type[AskSageError], args: tuple[Any, ...]) -> AskSageError:
    error = kind.__new__(kind)
    error.args = args
    return error


class BadInput(AskSageError):
    """An option, value or file that cannot be used; the message says what is allowed."""


class ConfigurationError(AskSageError):
    """A setting or credential is missing or unsafe."""


class NoKey(ConfigurationError):
    """Neither an Ask Sage key nor the local demo is configured."""


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
            f"{envelope} has {left:,} tokens left, {estimate:,} needed. Nothing was sent; it is limited by "
            f"{told_by or 'its caller'}.",
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


class Interrupted(AskSageError):
    """The person stopped a call that was under way; its hold stays open.

    Attributes
    ----------
    reply : object
        The ``Reply`` with the text that had arrived.
    """

    def __init__(self, reply: Any, message: str) -> None:
        self.reply = reply
        super().__init__(message)


class JobStopped(AskSageError):
    """A map over a table ended before its end; running it again goes on where it stopped.

    Attributes
    ----------
    result : object
        The ``Mapped`` with every row, those that were not sent too.
    """

    def __init__(self, result: Any, message: str) -> None:
        self.result = result
        super().__init__(message)


class LedgerError(AskSageError):
    """The ledger could not do what was asked; its state is unchanged."""


class LedgerConflict(LedgerError):
    """The same op came again with other figures."""


class LedgerMissing(LedgerError):
    """There is no ledger yet, and what only reads makes none."""


class LedgerTooNew(LedgerError):
    """The ledger was written by a newer version of this package."""


class LedgerUnusable(LedgerError):
    """The ledger cannot be opened, written or trusted."""


class LedgerRefused(LedgerUnusable):
    """The database itself refuses this one entry, for good: by a key, a check or a rule of its owner's."""


def handled() -> BaseException | None:
    """What the caller is handling now: all that is raised meanwhile has it for a context."""
    return sys.exc_info()[1]


def is_stop(error: BaseException | None, beneath: BaseException | None = None) -> bool:
    """Whether a Ctrl-C is at the bottom of it: what it strikes in a library may fail in other words.

    Parameters
    ----------
    beneath : BaseException, optional
        What was `handled` before; it has nothing to do with it.
    """
    while error is not None and error is not beneath:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__context__
    return False
