"""When a job is better ended than gone on with: one refusal over and over, or too many rows for nothing."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ..errors import AskSageError
from .outcome import Outcome, RowStatus

if TYPE_CHECKING:
    from collections.abc import Collection

_SAME_REFUSALS = 3
_SOME = 20
_SHOWN = 3
BAD_SHARE = 0.2


class Verdict:
    """Hears of each outcome in turn.

    Parameters
    ----------
    bears_invalid : float
        The share of replies that may be no answers: larger where these are asked about again.
    """

    def __init__(self, bears_invalid: float = BAD_SHARE) -> None:
        self._bears_invalid = bears_invalid
        self._refusals: deque[str] = deque(maxlen=_SAME_REFUSALS)

    def of(self, outcome: Outcome, outcomes: Collection[Outcome]) -> AskSageError | None:
        """Why the job ends after this one, which is among all `outcomes`; None where it goes on."""
        if outcome.status is RowStatus.OK:
            self._refusals.clear()
            return None
        self._refusals.append(outcome.reason if outcome.status is RowStatus.REFUSED else "")
        if len(self._refusals) == _SAME_REFUSALS and len({*self._refusals}) == 1 and self._refusals[0]:
            return AskSageError(f"the same refusal {_SAME_REFUSALS} times running: {outcome.reason}")
        bad = [each for each in outcomes if each.status is not RowStatus.OK]
        lost = [each for each in bad if each.status is not RowStatus.INVALID]
        most, most_lost = self._bears_invalid * len(outcomes), BAD_SHARE * len(outcomes)
        if len(outcomes) >= _SOME and (len(bad) > most or len(lost) > most_lost):
            shown = "; ".join(dict.fromkeys(_without_reply(each).rstrip(".") for each in bad[:_SHOWN]))
            return AskSageError(f"{len(bad)} of the first {len(outcomes)} came to nothing: {shown}")
        return None


def _without_reply(bad: Outcome) -> str:
    """Why it came to nothing, without what the model said: errors end in logs and in files."""
    if bad.status is RowStatus.INVALID:
        return "a reply is not what the schema or the check wants, .result.failed shows it"
    return bad.reason
