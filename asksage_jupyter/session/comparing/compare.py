"""One prompt to several models: priced, held and refused as a whole, sent at once, debited one by one."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

from ...account import Meter, Source
from ...display.notices import warn
from ...display.plain import shown, told
from ...errors import BadInput, Interrupted, NotEnoughTokens, OverLimit
from ...rates import Estimate, Part
from .. import given
from ..asking.confirming import confirm
from ..asking.query import build_query
from ..asking.question import asking_words, paid_for
from ..asking.reply import stays_held
from ..asking.shares import shares
from ..asking.shortage import afford
from ..holding.shielded import Shielded
from ..stopwatch import Stopwatch
from .comparison import Comparison
from .lane import Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ...service import Query
    from ..asking.query import Options
    from ..holding.shielded import Stoppable
    from ..session import Session
    from .columns import ReplyColumn

_LOOK_S = 0.1


def queries_for(session: Session, prompt: str, models: Iterable[str], options: Options) -> list[Query]:
    """One query for each of the models, alike but for the model.

    Raises
    ------
    BadInput
        Fewer than two models, one named twice, or as of `build_query`.
    """
    if not isinstance(models, Iterable):
        raise BadInput("name the models in a list, like ['gpt-5', 'gpt-5-mini']")
    given_models = [models] if isinstance(models, str) else given.listed(models, "the models")
    listed = [given.text(model, "a model") for model in given_models]
    if not all(listed):
        raise BadInput("a model's name is empty: name them like gpt-5,gpt-5-mini, without blanks")
    if twice := [model for model in listed if listed.count(model) > 1]:
        raise BadInput(f"{shown(twice[0])} is named twice: name each model to compare once")
    if len(listed) < 2:
        raise BadInput("name at least two models to compare; %asksage models lists them")
    first = build_query(session, prompt, listed[0], options)
    return [replace(first, model=model) for model in listed]


def estimated(session: Session, queries: Sequence[Query]) -> list[Estimate]:
    """Price each query; nothing is sent to a model.

    Raises
    ------
    BadInput
        A model is not offered, or the file cannot be read.
    """
    return _priced(session, queries, shares(queries[0]))


def together(estimates: Sequence[Estimate]) -> Estimate:
    """The price of all calls as one estimate, whose parts are the models."""
    bases = {estimate.basis for estimate in estimates}
    own = "; ".join(f"{estimate.model}: {estimate.basis}" for estimate in estimates)
    unverified = any(estimate.source is Source.CATALOG for estimate in estimates)
    return Estimate(
        model=", ".join(estimate.model for estimate in estimates),
        low=sum(estimate.low for estimate in estimates),
        expected=sum(estimate.expected for estimate in estimates),
        high=sum(estimate.high for estimate in estimates),
        parts=tuple(Part(estimate.model, estimate.expected) for estimate in estimates),
        input_tokens=sum(estimate.input_tokens for estimate in estimates),
        source=Source.CATALOG if unverified else Source.PRICED,
        basis=bases.pop() if len(bases) == 1 else own,
    )


def compared(
    session: Session,
    queries: Sequence[Query],
    *,
    limit: int | None = None,
    streamed: bool = False,
    fails: bool = False,
    on_change: Callable[[list[ReplyColumn]], None] | None = None,
) -> Comparison:
    """Hold all queries, send them at once, settle each.

    They are sent at once because waiting for one model after the other takes as long as all together. They do
    not become part of the notebook's history, in which a question has one reply.

    Parameters
    ----------
    queries : sequence of Query
        As of `queries_for`.
    limit : int, optional
        Refuse when the estimates together are above this many Ask Sage tokens.
    streamed : bool
        Whether the replies are asked for in pieces: what came of one that is stopped is kept.
    fails : bool
        Whether the first model's error is raised where none replied.
    on_change : callable, optional
        Called with all columns while the replies arrive; without it a line tells of the waiting. If it fails,
        the calls go on without it.

    Raises
    ------
    NotEnoughTokens, OverLimit
        All together; nothing was sent.
    Interrupted
        The person stopped it; its `reply` is the Comparison with what had arrived.
    """
    work: Shielded[Comparison] | None = None
    try:
        parts = shares(queries[0])
        estimates = session.prepared(lambda: _priced(session, queries, parts))
        whole = together(estimates)
        if limit is not None and whole.expected > limit:
            raise OverLimit(whole.expected, limit)
        session.balance()
        afford(session, Meter.INFERENCE, whole.expected, whole)
        if limit is None:
            confirm(session, whole.expected, f"--max-tokens {whole.expected} or max_tokens=")
        changes: SimpleQueue[None] = SimpleQueue()
        service = session.service  # made here, once, and not by each of the threads
        lanes = [
            Lane(session, service, each, estimate, partial(changes.put, None), streamed=streamed)
            for each, estimate in zip(_by_id(queries, estimates), estimates, strict=True)
        ]
        group = _Group(session, lanes, whole, parts, changes)
        work = Shielded(partial(group.run, on_change, fails))
        return work.run()  # nothing is called between here and the person: a Ctrl-C finds no gap
    except KeyboardInterrupt:
        if work is not None and work.is_begun:
            raise
    raise Interrupted(Comparison({}, {}, {}, is_demo=session.account.is_demo), "nothing was sent.")


def _priced(session: Session, queries: Sequence[Query], parts: Mapping[str, int]) -> list[Estimate]:
    """Price queries that differ in their models alone, and so in nothing that is counted."""
    estimates = [session.pricing.estimate(query.model, parts) for query in queries]
    asked: dict[str, str] = {}
    for query, estimate in zip(queries, estimates, strict=True):
        if (before := asked.setdefault(estimate.model, query.model)) != query.model:
            raise BadInput(f"{before} and {query.model} are one model, {estimate.model}: name it once")
    return estimates


def _by_id(queries: Sequence[Query], estimates: Sequence[Estimate]) -> list[Query]:
    """The queries with the ids of their models, where aliases were asked."""
    return [replace(query, model=estimate.model) for query, estimate in zip(queries, estimates, strict=True)]


class _Group(NamedTuple):
    """Lanes that are held in turn, sent at once and shown together; `changes` gets what is new to see."""

    session: Session
    lanes: Sequence[Lane]
    whole: Estimate
    parts: Mapping[str, int]
    changes: SimpleQueue[None]

    def run(
        self, on_change: Callable[[list[ReplyColumn]], None] | None, fails: bool, stoppably: Stoppable
    ) -> Comparison:
        """All lanes from their holds to their ends; they are sent, shown and waited for `stoppably`."""
        is_stopped = False
        try:
            self._hold()
            stoppably(partial(self._send, on_change))
        except KeyboardInterrupt:
            is_stopped = True
        finally:
            self._close()
        comparison = self._comparison()
        if is_stopped:
            raise Interrupted(comparison, _told(comparison))
        if fails and comparison.failure is not None:
            raise comparison.failure
        return comparison

    def _hold(self) -> None:
        """Set each lane's tokens aside, one after the other; another kernel may have been faster.

        Raises
        ------
        NotEnoughTokens
            With the figures of all lanes together.
        AskSageError
            The ledger's.
        """
        held = 0
        for lane in self.lanes:
            lane.start()
            while not (lane.is_held or lane.is_over):
                self.changes.get()
            if lane.is_held:
                held += lane.estimate.expected
            elif isinstance(refused := lane.outcome, NotEnoughTokens):
                needed, remaining = self.whole.expected, refused.remaining + held
                raise NotEnoughTokens(
                    refused.meter, needed, remaining, refused.resets_at, short=refused.short
                )
            elif isinstance(refused, Exception):
                raise refused

    def _send(self, on_change: Callable[[list[ReplyColumn]], None] | None) -> None:
        """Let all go, wait for the end of the last, and show meanwhile how far they are."""
        for lane in self.lanes:
            lane.go()
        words = asking_words(f"{len(self.lanes)} models", self.whole.expected)
        with Stopwatch(words) if on_change is None else nullcontext():
            self._await_end(on_change)

    def _await_end(self, on_change: Callable[[list[ReplyColumn]], None] | None) -> None:
        while not all(lane.is_over for lane in self.lanes):
            if on_change is not None:
                try:
                    on_change([lane.column for lane in self.lanes])
                except Exception as error:  # noqa: BLE001  a display must not cost the person paid replies
                    on_change = None
                    warn(f"the replies cannot be shown while they arrive: {told(error)}", stacklevel=3)
            self._await_change()

    def _await_change(self) -> None:
        with suppress(Empty):
            self.changes.get(timeout=_LOOK_S)  # with an end: without one no Ctrl-C comes through on Windows
            while True:  # those that came meanwhile are seen together
                self.changes.get_nowait()

    def _close(self) -> None:
        """Call off what is not over, and see each lane to its end."""
        for lane in self.lanes:
            lane.stop()
        for lane in self.lanes:
            if lane.ident is not None:
                lane.join()

    def _comparison(self) -> Comparison:
        """What came of the lanes; their prices are learned from here, one after the other."""
        for lane in self.lanes:
            if lane.answer is not None:
                learn = partial(self.session.pricing.learn, lane.query.model, self.parts)
                paid_for(partial(learn, lane.estimate, lane.answer))
        return Comparison(
            replies={lane.query.model: lane.outcome for lane in self.lanes},
            estimates={lane.query.model: lane.estimate for lane in self.lanes},
            duration_ms={lane.query.model: lane.duration_ms for lane in self.lanes},
            balance=self.session.balance_now(),
            is_demo=self.session.account.is_demo,
        )


def _told(comparison: Comparison) -> str:
    """What a stop leaves."""
    if comparison.held:
        return f"stopped. {stays_held(comparison.held)}"
    return "stopped: what was sent is debited." if comparison.tokens else "nothing was sent."
