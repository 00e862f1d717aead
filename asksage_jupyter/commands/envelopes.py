"""Limits of a notebook or a project, said on a line; and what those that hold here leave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..account import Envelope, Per
from ..display.plain import shown, storable
from ..display.table import Table, Tabular
from ..errors import BadInput
from ..prompting import option
from ..prompting.checks import OneOf, read, tokens
from ..session import budgeting, current, envelopes
from ..session.origins import origin, pyproject
from .command import Command

if TYPE_CHECKING:
    import pandas

    from ..session import Session
    from ..session.holding.bounds import Bound

KINDS = ("notebook", "project")
_HEAD = ("envelope", "limit", "used and held", "left", "told by")
_LINE = "%asksage envelope"
_RUN = "run"


@dataclass(frozen=True, slots=True, repr=False)
class Envelopes(Tabular):
    """The envelopes that a call from here must fit.

    Attributes
    ----------
    bounds : tuple of Bound
    """

    bounds: tuple[Bound, ...]

    @property
    def table(self) -> Table:
        """As it is shown."""
        return Table(_HEAD, [_row(each) for each in self.bounds], sides="lrrrl")

    def to_frame(self) -> pandas.DataFrame:
        """The envelopes as a DataFrame, a row each."""
        import pandas

        return pandas.DataFrame([each._asdict() for each in self.bounds])


def _row(bound: Bound) -> tuple[str, ...]:
    told_by = f"{bound.told_by}, only warns" if bound.is_soft else bound.told_by
    used = bound.tokens - bound.left
    whose = bound.words.removeprefix("the envelope of the ")  # which the heading says
    return (whose, f"{bound.tokens:,}", f"{used:,}", f"{bound.left:,}", told_by)


def _envelope(words: Sequence[str], per: str, soft: bool) -> Iterator[object]:
    session = current()
    match words:
        case []:
            pass
        case ["end", kind]:
            _kind(kind)
            if not envelopes.unsay(kind) | budgeting.unsay(kind):
                raise BadInput(f"no line of this kernel bounds its {kind}: only what one said can be ended")
            yield f"The {kind} is no longer bounded by a line of this kernel."
        case [kind, *name, limit]:
            _say(session, _kind(kind), *name, limit=read(tokens, limit), per=per, is_soft=soft)
        case _:
            raise BadInput(f"say how many tokens: %asksage {ENVELOPE.usage}")
    told = tuple(session.settling.bounds.present())
    yield Envelopes(told) if told else f"No envelope bounds what is asked here; {_LINE} notebook N makes one."


def _kind(word: str) -> str:
    if word not in KINDS:
        raise BadInput(f"{shown(word)} cannot be bounded: write {_LINE} notebook 20000, or project instead")
    return word


def _say(
    session: Session, kind: str, name: str | None = None, *, limit: int, per: str, is_soft: bool
) -> None:
    name = storable(name or _named(session, kind))
    told_by = f"{_LINE} {kind}"
    envelope = Envelope(kind, name, limit, told_by=told_by, is_soft=is_soft)
    envelopes.unsay(kind)
    budgeting.unsay(kind)
    if per == _RUN:
        words = f"{envelope.words} in this run"
        budgeting.say(kind, budgeting.Budget(words, limit, told_by, is_soft=is_soft))
    else:
        envelopes.say(envelope)


def _named(session: Session, kind: str) -> str:
    """What this notebook or its project is called."""
    if kind == "notebook":
        found = origin.notebook(session.ledger.folder)
    else:
        _, path = pyproject.table("envelopes")
        found = session.settings.project or (pyproject.project_name(path) if path else None)
    if found is None:
        raise BadInput(f"nobody tells which {kind} this is: name it, like {_LINE} {kind} NAME 20000")
    return found


ENVELOPE = Command(
    "envelope",
    "[notebook|project [NAME] N | end notebook|project] [--per month|run] [--soft]",
    "what bounds the calls from here; or a limit for this notebook",
    _envelope,
    (
        option(
            "--per",
            type=OneOf((str(Per.MONTH), _RUN)),
            default=str(Per.MONTH),
            help="month (the default), or run: until this kernel ends",
        ),
        option("--soft", action="store_true", help="warn, and refuse nothing"),
    ),
    words=3,
    needs_notebook=True,
)
