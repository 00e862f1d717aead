"""What is given to a map, checked; its run; and what it comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from inspect import signature
from typing import Any

from ..display.plain import storable, told
from ..errors import AskSageError, BadInput, JobStopped
from ..session import build_query, current, given
from ..session.keeping.store import open_replies
from ..session.near import did_you_mean
from .answers.reader import AnswerReader
from .answers.schema import schema_of
from .outcome import RowStatus
from .planning.estimate import MapEstimate, estimate_of
from .planning.job import Job, name_of
from .planning.plan import Plan
from .planning.sheet import sheet_of
from .planning.template import Rows, Template
from .planning.terms import Terms
from .results.mapped import Mapped
from .running.rounds import Rounds
from .running.run import Run

SYSTEM = "Answer with the value only."
_OPTIONS = frozenset({"system", "persona", "dataset", "live", "temperature", "reasoning"})


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
    when: str | None = None,
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
    when : str, optional
        ``"leftover"``: spend only what the forecast says will expire this month at least, and
        stop when that is gone; the same again goes on from there.
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
    terms = Terms(budget, sample, mostly, workers, fresh, resend_unknown, when)
    reader = AnswerReader(schema_of(schema), check, repairs, escalate, unsure)
    template = Template(prompt, Rows(rows), given.by_name(variables, "variables"), na)
    job = _job(name, template, model, options, terms, reader)
    column, is_estimate = given.text(into, "into"), given.yes(estimate, "estimate")
    if not column.strip():
        raise BadInput("into is a column's name, and not empty. Nothing was sent.", "into")
    sheet = sheet_of(_asked(template, reader.schema.wish), job.key)
    job.session.balance()
    with job.booked():
        plan = Plan(job, sheet.tasks, open_replies(job.session))
        with Run(plan, bears_invalid=reader.bears_invalid) as run:
            plan.look()
            priced = estimate_of(plan, sheet, template)
            if is_estimate:
                return priced
            plan.refuse(plan.price)
            failure = run.go()
        rounds = Rounds(job, run)
        if failure is None and not run.is_stopped:
            failure = rounds.go(sheet.tasks)
        balance = job.session.balance_now()
    result = Mapped(
        priced, balance, job.name, tuple(rounds.troubles), column,
        template.table.index, sheet, rounds.outcomes, reader.schema, run.price_anew, rounds.escalated,
    )  # fmt: skip
    job.session.samples.pop(job.name, None)  # so that it is the last
    job.session.samples[job.name] = result.sample
    _check(result, terms, "stopped" if rounds.is_stopped else _reason(failure))
    return result


def _job(
    name: str | None,
    template: Template,
    model: str | None,
    options: dict[str, Any],
    terms: Terms,
    reader: AnswerReader,
) -> Job:
    """What is asked and how; what makes no sense of a table is refused."""
    if unknown := options.keys() - _OPTIONS:
        raise BadInput(_unknown(min(unknown)))
    if options.get("system") is None and options.get("persona") is None:
        options = {**options, "system": SYSTEM}
    session = current()
    query = build_query(session, "?", model, options)  # type: ignore[arg-type]
    rate = session.prepared(lambda: session.pricing.rate(query.model))
    query = replace(query, model=rate.model)  # by its id, where an alias was asked
    if (better := reader.escalate) is not None:  # refused now, and not once the first one was paid
        session.prepared(lambda: session.pricing.rate(better))
    told = None if name is None else storable(given.text(name, "name"))
    return Job(session, told or name_of(template.text, reader.schema.wish, query), query, terms, reader)


def _unknown(name: str) -> str:
    allowed = [each for each in signature(map_rows).parameters if each not in ("rows", "prompt", "options")]
    allowed = sorted({*allowed, *_OPTIONS})
    hint = did_you_mean(name, allowed)
    return f"a map has no option {name!r}; {hint}allowed are {', '.join(allowed)}. Nothing was sent."


def _asked(template: Template, wish: str) -> Iterator[str | None]:
    """The prompt of each row with the schema's wish below it."""
    below = f"\n\n{wish}" if wish else ""
    return (None if each is None else f"{each}{below}" for each in template.prompts())


def _reason(failure: Exception | None) -> str:
    """Why a map ended, on one line; nothing where it did not."""
    if failure is None:
        return ""
    return str(failure) if isinstance(failure, AskSageError) else told(failure)


def _check(result: Mapped, terms: Terms, why: str) -> None:
    """Raise where it is not what was wanted."""
    ok, unsent = result.count(RowStatus.OK), result.count(RowStatus.UNSENT)
    if why:
        raise JobStopped(
            result,
            f"{why.rstrip('.')}. {ok:,} of {len(result):,} rows are answered and kept, {unsent:,} were not "
            f"sent; {result.tokens:,} tokens were billed. The same again goes on from here.",
        )
    if terms.mostly is None or terms.sample is not None:
        return
    asked = len(result) - result.count(RowStatus.SKIPPED)
    if asked and ok < terms.mostly * asked:
        raise JobStopped(
            result,
            f"{ok:,} of {asked:,} rows are answered, mostly={terms.mostly:g} wants more: see .result.failed",
        )
