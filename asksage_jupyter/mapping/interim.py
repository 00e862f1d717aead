"""A long map is compared with the service now and then: at rest, once, and what is left is checked anew."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ..account import Meter
from ..errors import AskSageError
from ..reconciling.parties import Parties
from ..reconciling.run import run
from ..session.asking.shortage import afford
from ..session.waiting import tell

if TYPE_CHECKING:
    from .crew import Crew
    from .plan import Plan

_EVERY_S = 600.0
_LOOK_BACK_S = 86_400.0  # read often, so not far


class Interim:
    """What is done every ten minutes of a run: a comparison needs a ledger that stands still.

    Without it what other devices use would be seen only when all is spent, as calls are held and settled
    without a pause.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._next = time.monotonic() + _EVERY_S

    def look(self, crew: Crew) -> None:
        """Where it is time, let the crew come to rest; once it does, compare, and let it go on or end."""
        if time.monotonic() < self._next or crew.rests_s or crew.is_over:
            return
        if not crew.is_drained:
            crew.drain()
            return
        tell("comparing with the service, then it goes on")
        try:
            self._compare()
            self._check(crew)
        except Exception as error:  # noqa: BLE001  whatever it is, it ends the job as it stands
            crew.end(error)
        self._next = time.monotonic() + _EVERY_S
        crew.go_on()

    def _compare(self) -> None:
        with suppress(AskSageError):  # the next one may succeed; each call is held by itself anyway
            run(Parties.of(self._plan.job.session, time.sleep, _LOOK_BACK_S))

    def _check(self, crew: Crew) -> None:
        if self._plan.job.terms.when is None:  # with it, it goes on as far as the tokens do
            afford(self._plan.job.session, Meter.INFERENCE, self._plan.priced(crew.left).expected)
