"""What a map asks, and how: the same for all its prompts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...account import Envelope, Meter, Per
from ...session.budgeting import spending_of
from ...session.envelopes import bounded
from ...session.forecasting import Leftover
from ...session.keeping.keys import keyed
from ...session.origins.booking import booked

if TYPE_CHECKING:
    from ...service import Query
    from ...session import Session
    from ..answers.reader import AnswerReader
    from .terms import Terms


@dataclass(frozen=True, slots=True)
class Job:
    """A map over one table.

    Attributes
    ----------
    name : str
        Under which its calls are booked.
    query : Query
        How each prompt is sent.
    terms : Terms
    reader : AnswerReader
        How replies are read.
    """

    session: Session
    name: str
    query: Query
    terms: Terms
    reader: AnswerReader

    @property
    def key(self) -> Callable[..., bytes]:
        """What tells the key of a prompt."""
        return keyed(self.query, self.session.account)

    def booked(self) -> AbstractContextManager[object]:
        """Book the calls of a block under the job, within its budget and what it may spend of the month's."""
        block = ExitStack()
        block.enter_context(booked(job=self.name))
        block.enter_context(bounded(*self._envelopes()))
        if self.terms.when is not None:
            block.enter_context(spending_of(Leftover(self.session)))
        return block

    def _envelopes(self) -> list[Envelope]:
        """Its budget as an envelope, of which what it was billed without one is spent already."""
        budget = self.terms.budget
        if budget is None:
            return []
        told_by = f"budget={budget:,} of all runs of the job: raise it, or give the map another name"
        envelope = Envelope("job", self.name, budget, Per.ALL, told_by)
        ledger, account = self.session.ledger, self.session.account
        before = ledger.used_outside(account, Meter.INFERENCE, envelope)
        return [Envelope("job", self.name, max(0, budget - before), Per.ALL, told_by)]


def name_of(template: str, wish: str, query: Query) -> str:
    """What a job is called that has no name: the same for the same template, schema, model and options."""
    said = [template, wish, query.model, query.system, query.dataset, query.live]
    return hashlib.sha256(json.dumps(said).encode("utf-8", "surrogatepass")).hexdigest()[:8]
