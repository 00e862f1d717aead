"""What is given to a map, checked; its run; and what it comes to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from ..display.plain import storable
from ..errors import BadInput, JobStopped
from ..session import booked, build_query, current, given
from ..tokens import count
from .keys import keyed
from .mapped import MapEstimate, Mapped
from .outcome import RowStatus
from .rounds import Reader, Rounds
from .run import Run, Terms, reason_of
from .schema import AnswerSchema, schema_of
from .sheet import Sheet, sample_of, sheet_of
from .store import open_replies
from .template import Rows, Template

if TYPE_CHECKING:
    from ..service import Query
    from ..session import Session
    from .sending import Task

SYSTEM = "Answer with the value only."
_WORKERS = 64
_OPTIONS = frozenset({"system", "persona", "dataset", "live", "temperature", "reasoning"})
_COUNTED = 200  # prompts whose parts are counted, to tell their average


def map_rows(
    rows: Any,
    prompt: str | Callable[[Any], Any],
    *,
    model: str | None = None,
    into: str = "reply",
    schema: Any = str,
    budget: int | None = None,
    sample: int | None = None,
    estimate: bool = False,
    na: str = "skip",
    mostly: float | None = None,
    repairs: int = 1,
    check: Callable[[Any], Any] | None = None,
    escalate: str | None = None,
    unsure: Any = None,
    workers: int = 8,
    fresh: bool = False,
    resend_unknown: bool = False,
    name: str | None = None,
    variables: Mapping[str, Any] | None = None,
    **options: Any,
) -> Mapped | MapEstimate:
    """Ask a model the same of every row of a table; running it again asks only what is missing.

    Parameters
    ----------
    rows : DataFrame, Series or list
    prompt : str or callable
        ``{column}`` is the row's value, ``{value}`` that of a Series or a list. A callable takes the row.
    model : str, optional
        An exact model id; ``AskSage.model`` when absent.
    into : str
        What the column of answers is called.
    schema : type, list, dict or class
        What an answer is: str, int, float, bool, a list of choices, a dict of these by column, a JSON Schema,
        or a class with ``model_json_schema``.
    budget : int, optional
        Ask Sage tokens that all runs of it may cost.
    sample : int, optional
        Ask so many rows, from the shortest to the longest, and no more.
    estimate : bool
        Price it, send nothing.
    na : str
        ``"skip"`` leaves out rows with a missing or blank value, ``"raise"`` refuses, ``"text"`` sends them.
    mostly : float, optional
        The share of rows, 0 to 1, that must be answered.
    repairs : int
        How often a reply that is not as the schema wants it is sent back with what is wrong, as a call of its
        own; 0 or 1.
    check : callable, optional
        Takes an answer; what it returns that is False or a text makes it none, with that reason.
    escalate : str, optional
        A better model, which is asked again what has no answer, or one that is `unsure`.
    unsure : optional
        Which answers are asked again there: a value, a function of an answer, or 2, which asks each row twice
        and doubts where the two differ.
    workers : int
        Calls side by side, at the most.
    fresh : bool
        Ask again what was answered before, and pay again.
    resend_unknown : bool
        Ask again what is in doubt; it may be paid twice.
    name : str, optional
        Under which its calls are booked; a few letters of its template's hash when absent.
    variables : mapping, optional
        What ``{name}`` may mean besides a column.
    **options
        system, persona, dataset, live, temperature, reasoning: as of `ask`.

    Returns
    -------
    Mapped or MapEstimate
        ``.answers`` with the rows' own index, ``.frame`` with each row's status and tokens, ``.failed``,
        ``.tokens``, ``.receipt``; it shows itself as a report. With `estimate`, what it would cost.

    Raises
    ------
    BadInput, NotEnoughTokens, OverLimit, NoKey
        Nothing was sent.
    JobStopped
        It ended before its end, or fewer rows than `mostly` were answered; its ``.result`` is the Mapped.
    """
    session = current()
    terms = _terms(budget, sample, workers, fresh, resend_unknown)
    wanted = schema_of(schema)
    reader = Reader(wanted, check, given.whole(repairs, "repairs"), escalate, unsure)
    table = Rows(rows)
    template = Template(prompt, table, variables or {}, na)
    share = None if mostly is None else _share(mostly)
    column = given.text(into, "into")
    query = _query(session, model, options)
    wish = f"\n\n{wanted.wish}" if wanted.wish else ""
    asked = (None if each is None else f"{each}{wish}" for each in template.prompts())
    known = session.prepared(lambda: session.pricing.rate(query.model))
    query = replace(query, model=known.model)  # by its id, where an alias was asked
    sheet = sheet_of(asked, keyed(query, session.account))
    job = _job(name, template, wanted, query)
    session.balance()
    terms = replace(terms, job=job)
    with booked(job=job), Run(session, query, sheet.tasks, open_replies(session), terms, reader.read) as run:
        run.look()
        priced = _priced(session, run, sheet, template, wanted)
        if given.yes(estimate, "estimate"):
            return priced
        run.refuse()
        failure = run.go()
    rounds = Rounds(session, query, terms, reader, run)
    if failure is None and not run.is_stopped:
        with booked(job=job):
            failure = rounds.go(sheet.tasks)
    balance, troubles = session.balance_now(), tuple(rounds.troubles)
    result = Mapped(priced, balance, job, troubles, column, table.index, sheet, rounds.outcomes, wanted)
    _check(result, rounds.is_stopped, failure, share, terms.sample)
    return result


def _terms(budget: object, sample: object, workers: object, fresh: object, resend_unknown: object) -> Terms:
    number = given.whole(workers, "workers", least=1)
    if number > _WORKERS:
        raise BadInput(f"workers are 1 to {_WORKERS}, not {number:,}. Nothing was sent.")
    return Terms(
        job="",
        workers=number,
        budget=None if budget is None else given.whole(budget, "budget"),
        sample=None if sample is None else given.whole(sample, "sample", least=1),
        fresh=given.yes(fresh, "fresh"),
        resend_unknown=given.yes(resend_unknown, "resend_unknown"),
    )


def _share(mostly: object) -> float:
    share = given.real(mostly, "mostly")
    if not 0 <= share <= 1:
        raise BadInput(f"mostly is a share from 0 to 1, not {share:g}. Nothing was sent.")
    return share


def _query(session: Session, model: str | None, options: dict[str, Any]) -> Query:
    """How each prompt is sent; what makes no sense of a table is refused."""
    if unknown := options.keys() - _OPTIONS:
        raise BadInput(
            f"a map has no option {min(unknown)!r}; it has {', '.join(sorted(_OPTIONS))}. Nothing was sent."
        )
    if options.get("system") is None and options.get("persona") is None:
        options = {**options, "system": SYSTEM}
    return build_query(session, "?", model, options)  # type: ignore[arg-type]


def _job(name: str | None, template: Template, schema: AnswerSchema, query: Query) -> str:
    if name is not None:
        return storable(given.text(name, "name"))
    said = [template.text, schema.wish, query.model, query.system, query.dataset, query.live]
    return hashlib.sha256(json.dumps(said).encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _priced(
    session: Session, run: Run, sheet: Sheet, template: Template, schema: AnswerSchema
) -> MapEstimate:
    balance = session.balance_now()
    spendable = balance.inference.spendable if balance is not None else None
    missing, price = run.before.missing, run.price
    found = run.before.outcomes.values()
    return MapEstimate(
        rows=len(sheet.of_row),
        calls=len(run.wanted),
        same=sheet.same,
        skipped=sheet.skipped,
        replayed=sum(each.status is RowStatus.OK for each in found),
        unknown=sum(each.status is RowStatus.UNKNOWN for each in found),
        low=price.low,
        expected=price.expected,
        high=price.high,
        share=price.expected / spendable if spendable and spendable > 0 else None,
        model=run.query.model,
        parts=_parts(missing, template, schema, run.query),
        basis=run.costs.basis,
    )


def _parts(
    missing: Sequence[Task], template: Template, schema: AnswerSchema, query: Query
) -> dict[str, float]:
    """Model tokens of a call on average, by what they are."""
    if not missing:
        return {}
    few = sample_of(missing, _COUNTED)
    whole = fmean(count(task.prompt) for task in few)
    fixed = {"template": count("".join(template.fixed)), "schema": count(schema.wish)}
    row = max(0.0, whole - sum(fixed.values()))
    parts = {"row": row, **fixed, "system": count(query.system or "")}
    return {name: tokens for name, tokens in parts.items() if tokens}


def _check(
    result: Mapped, is_stopped: bool, failure: Exception | None, mostly: float | None, sample: int | None
) -> None:
    """Raise where it is not what was wanted."""
    unsent = result.count(RowStatus.UNSENT)
    why = "stopped" if is_stopped else reason_of(failure) if failure is not None else ""
    if why:
        answered = f"{result.count(RowStatus.OK):,} of {len(result):,} rows are answered and kept"
        raise JobStopped(
            result,
            f"{why.rstrip('.')}. {answered}, {unsent:,} were not sent; {result.tokens:,} tokens were billed. "
            f"The same again goes on from here.",
        )
    if mostly is None or sample is not None:
        return
    asked = len(result) - result.count(RowStatus.SKIPPED)
    ok = result.count(RowStatus.OK)
    if asked and ok < mostly * asked:
        raise JobStopped(
            result, f"{ok:,} of {asked:,} rows are answered, mostly={mostly:g} wants more: see .result.failed"
        )
