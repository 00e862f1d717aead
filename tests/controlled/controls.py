"""What a test may set in a running service: its clock, and the faults of the calls that follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from asksage_jupyter.errors import BadInput
from asksage_jupyter.local.accounting import Row
from asksage_jupyter.month import now


class FaultKind(StrEnum):
    """What goes wrong.

    ``overloaded`` and ``invalid-token``: the call is refused and costs nothing; never the exchange of the
    key for a token, so that a client can sign in again. ``drop-stream``: the
    connection breaks after some chunks, and what the model had said is billed. ``drop-reply``: the call is
    billed, its reply never arrives. ``late-log``, ``duplicate-log``: the next bill's row is not yet, or
    twice, in the log. ``lagging-counters``: a counter as it stood two seconds ago. ``wrong-types``: numbers
    come as text and booleans as numbers. ``gmt-dates``: the log's dates come in the other form.
    ``rate-limit``: 429 with ``Retry-After``. ``quota``: 429, out of tokens. ``error-ref``: the reply is an
    error with a reference, and billed. ``no-usage``: a good reply tells no bill. ``background``: the next
    upload of a file goes on after its answer.
    """

    OVERLOADED = "overloaded"
    INVALID_TOKEN = "invalid-token"
    DROP_STREAM = "drop-stream"
    DROP_REPLY = "drop-reply"
    LATE_LOG = "late-log"
    DUPLICATE_LOG = "duplicate-log"
    LAGGING_COUNTERS = "lagging-counters"
    WRONG_TYPES = "wrong-types"
    GMT_DATES = "gmt-dates"
    RATE_LIMIT = "rate-limit"
    QUOTA = "quota"
    ERROR_REF = "error-ref"
    NO_USAGE = "no-usage"
    BACKGROUND = "background"


@dataclass(slots=True)
class Fault:
    """A fault of the next calls it can happen to.

    Attributes
    ----------
    times : int
        How many calls it still happens to.
    route : str
        Happens only on this path; empty for any.
    chunks : int
        ``drop-stream``: how many arrive before the break.
    calls : int
        ``late-log``: how many more calls do not see the row.
    until : int or None
        ``late-log``: the instant (microseconds UTC) from which the row is seen, instead.
    lag : int
        ``lagging-counters``: microseconds.
    retry_after_s : int
        ``rate-limit``.
    outcome : str
        ``background``: how the upload ends: ``succeeded``, ``partial`` or ``failed``.
    """

    kind: FaultKind
    times: int = 1
    route: str = ""
    chunks: int = 1
    calls: int = 1
    until: int | None = None
    lag: int = 2_000_000
    retry_after_s: int = 1
    outcome: str = "succeeded"

    def __post_init__(self) -> None:
        """Refuse what would only fail when the fault happens."""
        if not all(
            isinstance(each, int)
            for each in (self.times, self.chunks, self.calls, self.lag, self.retry_after_s)
        ):
            raise TypeError
        if not isinstance(self.until, int | None) or self.outcome not in ("succeeded", "partial", "failed"):
            raise TypeError


class Controls:
    """The clock and the faults of one service.

    Attributes
    ----------
    calls : int
        How many calls came so far, those of the controls not counted.
    requests_last : bool
        Whether tokens that are requested raise the limit of later months, too.
    requests_wait : bool
        Whether a request waits for somebody, instead of being approved at once.
    divisor : int
        What is booked is only the tokens divided by this: an upload of which a part was taken in.
    pool : int or None
        Tokens that the organisation has left; None outside of one.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.requests_last = self.requests_wait = False
        self.divisor = 1
        self.pool: int | None = None
        self._t: int | None = None
        self._faults: list[Fault] = []
        self._late: dict[int, tuple[int, int | None]] = {}
        self._doubled: set[int] = set()

    def now(self) -> int:
        """The service's present instant, in microseconds UTC."""
        return now() if self._t is None else self._t

    def set_clock(self, t: int | None) -> None:
        """Let the clock stand at `t`; None lets it follow the real one."""
        self._t = t

    def add(self, told: Mapping[str, Any]) -> None:
        """Queue a fault.

        Raises
        ------
        BadInput
            It is no fault that is known here.
        """
        try:
            self._faults.append(Fault(**{**told, "kind": FaultKind(str(told.get("kind")))}))
        except (TypeError, ValueError):
            kinds = ", ".join(FaultKind)
            raise BadInput(f"no such fault; the kinds are {kinds}") from None

    def clear(self) -> None:
        """Forget the faults that have not happened; rows that are late stay so."""
        self._faults.clear()

    def take(self, kind: FaultKind, route: str = "") -> Fault | None:
        """The first fault of that kind for `route`, which so happens once more; None if there is none."""
        for fault in self._faults:
            if fault.kind is kind and fault.route in ("", route):
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                return fault
        return None

    def note(self, bill: int) -> None:
        """Let the faults of the log happen to the row of the id `bill`."""
        if fault := self.take(FaultKind.LATE_LOG):
            self._late[bill] = (self.calls + fault.calls, fault.until)
        if self.take(FaultKind.DUPLICATE_LOG):
            self._doubled.add(bill)

    @property
    def late(self) -> int:
        """How many rows the log may not show yet."""
        return len(self._late)

    def shown(self, rows: list[Row]) -> list[Row]:
        """The rows as the log shows them: without those that are late, and some twice."""
        self._late = {bill: due for bill, due in self._late.items() if self._is_late(*due)}
        return [row for row in rows if row.id not in self._late for _ in range(1 + (row.id in self._doubled))]

    def _is_late(self, call: int, until: int | None) -> bool:
        return self.calls <= call if until is None else self.now() < until


def mistyped(value: Any) -> Any:
    """A reply whose numbers are text and whose booleans are numbers."""
    match value:
        case bool():
            return int(value)
        case int():
            return str(value)
        case dict():
            return {name: mistyped(each) for name, each in value.items()}
        case list():
            return [mistyped(each) for each in value]
    return value
