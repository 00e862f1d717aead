"""The service's counters and log against the ledger: bills that never arrived, plans, other devices' use.

`reconcile` is called by a person; `Background` does the same after use, now and then.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..session import Session, current, given
from .background import Background
from .parties import Parties
from .report import Compared, PlanChange, Reconciled, Settled, StillOpen
from .run import run

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Background",
    "Compared",
    "PlanChange",
    "Reconciled",
    "Settled",
    "StillOpen",
    "reconcile",
]

_LOOK_BACK_S = 40 * 86_400.0


def reconcile(
    session: Session | None = None,
    *,
    running_s: float | None = None,
    look_back_s: float = _LOOK_BACK_S,
    sleep: Callable[[float], object] = time.sleep,
) -> Reconciled:
    """Compare both meters with the service, settle what its log tells, and book the rest once.

    Calls whose reply was lost are settled with the exact bill of their row in the service's log, where only
    one can be theirs. Limits that changed become the plan. What the service's counter shows beyond the
    ledger, and beyond all that calls without a bill can have cost, is booked as other devices' use; what it
    shows less is given back only when no open call, no lag and no month's edge can explain it. A second run
    finds nothing to book.

    Parameters
    ----------
    session : Session, optional
        This kernel's when absent.
    running_s : float, optional
        Seconds for which an open call of another kernel counts as still running, and is left to settle
        itself; until it is presumed when absent. This kernel knows its own.
    look_back_s : float
        How old a call may be whose bill is still looked for, in seconds.
    sleep : callable
        Waits some seconds; used when the service's counters may lag behind.

    Returns
    -------
    Reconciled
        ``.settled``, ``.corrections``, ``.plans``, ``.still_open``, and each meter's figures.

    Raises
    ------
    BadInput
        An argument that is not what it should be.
    NoKey
        There is no key to ask with.
    Refused
        The service cannot be asked now; what was booked before stays, and the next run goes on.
    LedgerError
        The ledger could not be read or written.
    """
    session = current() if session is None else given.ours(session, Session, "session")
    sleep = given.function(sleep, "sleep")
    look_back_s = given.real(look_back_s, "look_back_s")
    running_s = None if running_s is None else given.real(running_s, "running_s")
    return run(Parties.of(session, sleep, look_back_s, running_s))
