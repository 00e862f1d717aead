"""What a statement says, in words; the same in every form."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from ..account import Gauge, Segment, tags
from ..display.dates import day
from ..display.plain import from_home, many, one_line
from ..month import to_datetime
from ..span import words_of

if TYPE_CHECKING:
    from .months import AccountMonth, MeterMonth

_UNNAMED = {"notebook": "not told", "project": "no project"}


class Line(NamedTuple):
    """A line of the account, the same for both meters."""

    label: str
    figures: tuple[str, ...]


def heading(statement: AccountMonth) -> str:
    """The title of the page."""
    return f"Token statement, {when(statement)}"


def when(statement: AccountMonth) -> str:
    """Like ``October 2026``, or ``1 Oct 2026 to 20 Nov 2026``."""
    if _is_month(statement):
        return f"{datetime.strptime(statement.period, '%Y-%m'):%B %Y}"
    return words_of(statement.period)


def _is_month(statement: AccountMonth) -> bool:
    return "/" not in statement.period


def is_empty(statement: AccountMonth) -> bool:
    """Whether the ledger knows nothing of the time."""
    return all(month.is_empty for month in statement.meters)


def nothing(statement: AccountMonth) -> str:
    """What is said where there is nothing to state."""
    word = "in" if _is_month(statement) else "from"
    return f"Nothing was granted or spent {word} {when(statement)}, as far as this ledger knows."


def lines(statement: AccountMonth) -> list[Line]:
    """The account, a figure for each meter; without the lines that are nought on both and not missed."""
    months = [month.figures for month in statement.meters]
    always = {"Granted", "Used by calls", "Left"}
    columns = {
        "Brought forward in top-ups" if _is_month(statement) else "Brought forward": [
            month.brought for month in months
        ],
        "Granted": [month.granted for month in months],
        "Top-ups": [month.topped_up for month in months],
        "Used by calls": [-month.calls for month in months],
        "Other devices and corrections": [-month.corrections for month in months],
        "Held for open calls": [-month.held for month in months],
        "Expired": [-month.expired for month in months],
        "Left": [month.remaining for month in months],
    }
    shown: list[Line] = []
    for label, figures in columns.items():
        if any(figures) or label in always:
            pairs = zip(figures, months, strict=True)
            known = tuple(
                amount(tokens) if month.is_known or label not in ("Granted", "Left") else "not known"
                for tokens, month in pairs
            )
            shown.append(Line(label, known))
    return shown


def gauges(statement: AccountMonth) -> list[Gauge]:
    """What the time had and what of it was taken, drawn as a meter's balance is."""
    found = []
    for month in statement.meters:
        figures, name = month.figures, month.meter.capitalize()
        taken = (
            Segment("used", figures.used, f"{figures.used:,} used"),
            Segment("held", figures.held, f"{figures.held:,} held"),
        )
        granted = figures.given if figures.is_known else None
        found.append(Gauge(name, f"{name} tokens", granted, taken))
    return found


def amount(tokens: int) -> str:
    """A signed figure, with a minus sign as wide as a plus."""
    return f"{tokens:,}".replace("-", "−")


def group_title(name: str, month: MeterMonth) -> str:
    """What a division of the calls is headed with."""
    return f"{month.meter.capitalize()} by {one_line(name.removeprefix(tags.PREFIX))}"


def part_name(group: str, name: str | None) -> str:
    """A part's name, or what stands where the calls do not tell it."""
    if name is None:
        return _UNNAMED.get(group, "not told")
    return from_home(name) if group == "notebook" else one_line(name)


def shown_groups(month: MeterMonth) -> list[str]:
    """The divisions worth showing: not those whose calls tell nothing."""
    return [group for group, parts in month.groups.items() if any(part.name is not None for part in parts)]


def remarks(statement: AccountMonth) -> list[str]:
    """What the figures alone do not say."""
    said = []
    for month in statement.meters:
        figures = month.figures
        if figures.open_holds:
            opened = many(figures.open_holds, f"{month.meter} call is", f"{month.meter} calls are")
            said.append(f"{opened} still open: {figures.held:,} tokens are held until the bill is known.")
        if figures.remaining < 0 and figures.is_known:
            said.append(f"{month.meter.capitalize()} is {-figures.remaining:,} tokens over.")
    return said


def foot(statement: AccountMonth) -> list[str]:
    """Who told the plan, as of when, and whether the ledger adds up."""
    found = statement.verification
    known = [month for month in statement.meters if month.figures.is_known]
    told = [f"{month.meter} from {month.figures.source}" for month in known]
    if len({month.figures.source for month in known}) == 1:
        told = [f"from {known[0].figures.source}"]
    as_of = to_datetime(max(month.figures.as_of for month in statement.meters))
    account = statement.account
    entries = many(found.entries, "entry", "entries")
    checked = (
        f"Ledger verified, {entries}: no problem."
        if found.ok
        else f"The ledger does NOT add up, {entries}: {'; '.join(found.problems)}."
    )
    return [
        *([f"Plan: {' · '.join(told)}."] if told else []),
        f"{account.holder or 'nobody named'} at {account.host} · months of {account.zone} · "
        f"as of {day(as_of, year=True)} {as_of:%H:%M} UTC.",
        checked,
        f"Chain head: {found.head}",
    ]
