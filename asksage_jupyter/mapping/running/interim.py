"""A long map is compared with the service now and then: at rest, once, and what is left is checked anew."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ...account import Meter
from ...errors import AskSageError
from ...reconciling.parties import Agreed, Parties
from ...reconciling.run import run
from ...session.asking.shortage import afford
from ...session.waiting import tell

if TYPE_CHECKING:
    from ..planning.plan import Plan
    from .crew import Crew

_EVERY_S = 600.0
_PATIENCE_S = 30.0  # so long one slow call may keep all others from being sent
_LOOK_BACK_S = 86_400.0  # read often, so not far


class Interim:
    """What is done every ten minutes of a job, in all its rounds: a comparison needs a ledger at rest.

    Without it what other devices use would be seen only when all is spent, as calls are held and settled
    without a pause.
    """

    def __init__(self) -> None:
        self._next = time.monotonic() + _EVERY_S
        self._patience: float | None = None  # until when the crew is waited for
        self._agreed: Agreed = {}

    def look(self, crew: Crew, plan: Plan) -> None:
        """Where it is time, let the crew come to rest; once it does, compare, and let it go on or end."""
        now = time.monotonic()
        if now < self._next or crew.rests_s or crew.is_over:
            return
        if not crew.is_drained:
            crew.drain()
            self._patience = self._patience or now + _PATIENCE_S
            if now >= self._patience:  # the next time
                self._go_on(crew)
            return
        tell("comparing with the service, then it goes on")
        try:
            self._compare(plan)
            _check(plan, crew)
        except Exception as error:  # noqa: BLE001  whatever it is, it ends the job as it stands
            crew.end(error)
        self._go_on(crew)

    def _go_on(self, crew: Crew) -> None:
        self._next, self._patience = time.monotonic() + _EVERY_S, None
        crew.go_on()

    def _compare(self, plan: Plan) -> None:
        with suppress(AskSageError):  # the next one may succeed; each call is held by itself anyway
            run(Parties.of(plan.job.session, time.sleep, _LOOK_BACK_S, agreed=self._agreed))


def _check(plan: Plan, crew: Crew) -> None:
    if plan.job.terms.when is None:  # with it, it goes on as far as the tokens do
        afford(plan.job.session, Meter.INFERENCE, plan.priced(crew.left).expected)
