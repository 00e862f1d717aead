"""The report of a map: what came of its rows, what it cost, and what did not go well."""

from __future__ import annotations

from statistics import quantiles
from typing import TYPE_CHECKING

from ..display.bar import thin_bar
from ..display.markup import card, notice
from ..display.plain import one_line, plain
from ..display.table import Table
from .outcome import How, RowStatus

if TYPE_CHECKING:
    from .mapped import Mapped

_FAILURES = 3
_TOLD = {
    RowStatus.OK: "answered",
    RowStatus.SKIPPED: "left out: a value is missing",
    RowStatus.INVALID: "not as the schema wants it",
    RowStatus.REFUSED: "certainly not billed",
    RowStatus.UNKNOWN: "in doubt: may be billed",
    RowStatus.UNSENT: "not sent",
}


def words_of(mapped: Mapped) -> str:
    """One line of it."""
    rows, ok = len(mapped), mapped.count(RowStatus.OK)
    parts = [mapped.estimate.model, f"{ok:,} of {rows:,} rows answered", f"{mapped.tokens:,} tokens (billed)"]
    if saved := sum(each.before for each in mapped.of_rows):
        parts.append(f"{saved:,} saved by replay")
    if mapped.balance is not None and mapped.balance.inference.granted is not None:
        parts.append(mapped.balance.inference.left_words())
    return plain(" · ".join([*parts, *mapped.troubles]))


def card_of(mapped: Mapped) -> str:
    """All of it, for a notebook."""
    rows = len(mapped) or 1
    counts = {status: mapped.count(status) for status in RowStatus}
    shown = [status for status in RowStatus if counts[status]]
    statuses = Table(
        ("status", "rows"),
        [(f"{status}: {_TOLD[status]}", f"{counts[status]:,}") for status in shown],
        shares=[counts[status] / rows for status in shown],
    )
    estimate = mapped.estimate
    title = f"{counts[RowStatus.OK]:,} of {len(mapped):,} rows answered"
    body = [statuses._repr_html_(), _cost_line(mapped), _cost_bar(mapped), _failures(mapped)]
    body += [notice(trouble) for trouble in mapped.troubles]
    return card(title, *body, aside=estimate.model, foot=[_times(mapped), _again(mapped), mapped.receipt])


def _cost_line(mapped: Mapped) -> str:
    estimate = mapped.estimate
    expected = f"{estimate.expected:,} expected ({estimate.low:,} to {estimate.high:,})"
    saved = sum(each.before for each in mapped.of_rows)
    kept = f", {saved:,} saved by replay" if saved else ""
    return f"{mapped.tokens:,} tokens billed, {expected}{kept}"


def _cost_bar(mapped: Mapped) -> object:
    whole = max(mapped.tokens, mapped.estimate.expected)
    if not whole:
        return ""
    billed = mapped.tokens / whole
    return thin_bar(("used", billed), ("likely", max(0.0, mapped.estimate.expected / whole - billed)))


def _failures(mapped: Mapped) -> object:
    bad = [
        (label, each)
        for label, each in zip(mapped.answers.index, mapped.of_rows, strict=True)
        if each.reason and each.status is not RowStatus.OK
    ]
    if not bad:
        return ""
    rows = [(one_line(str(label))[:40], str(each.status), one_line(each.reason)) for label, each in bad]
    more = f"and {len(bad) - _FAILURES:,} more in .failed" if len(bad) > _FAILURES else ""
    return Table(("row", "status", "why"), rows[:_FAILURES], sides="l", note=more)._repr_html_()


def _times(mapped: Mapped) -> str:
    seconds = sorted(each.seconds for each in mapped.of_rows if each.seconds is not None)
    if len(seconds) < 2:
        return ""
    cuts = quantiles(seconds, n=20)
    return f"half of the calls took up to {cuts[9]:.1f} s, 19 of 20 up to {cuts[18]:.1f} s"


def _again(mapped: Mapped) -> str:
    """What running it again would ask."""
    left = {
        id(each)
        for each in mapped.of_rows
        if each.status in (RowStatus.UNSENT, RowStatus.REFUSED) and each.how is not How.SAME
    }
    number = mapped.count(RowStatus.UNSENT, RowStatus.REFUSED) if left else 0
    if not number:
        return "the same again asks nothing: 0 tokens"
    calls = max(1, mapped.estimate.calls)
    rows = f"{number:,} row{'s' * (number != 1)}"
    return f"the same again asks {rows}, ~{number * mapped.estimate.expected / calls:,.0f} tokens"
