"""What the person sees below a cell: receipts, notices, and whatever a command says."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from IPython.display import display

from ...display.markup import joined, notice, quiet
from ...display.page import Page
from .bundles import bundle
from .publishing import publish, surely

if TYPE_CHECKING:
    from ...session import Comparison, Reply

STOPPED = "stopped; the line above tells what stays held."  # and so it is told once


def receipt(reply: Reply | Comparison, *notices: str | None) -> None:
    """The quiet line below a reply; notices, which are not quiet, stand above it."""
    from ...account import Source

    told = list(filter(None, notices))
    html = joined([*map(notice, told), reply.receipt_html])
    text = "\n".join([*(f"[{words}]" for words in told), reply.receipt])
    is_told = getattr(reply, "source", None) in (Source.BILLED, Source.LOG)
    is_replayed = bool(getattr(reply, "replayed", ""))
    metadata = bill(reply.tokens, held=reply.held, is_told=is_told, is_replayed=is_replayed)
    surely({"text/html": html, "text/plain": text}, partial(publish, metadata=metadata))


def bill(
    tokens: int | None,
    *,
    unit: str = "tokens",
    held: int | None = 0,
    is_told: bool = True,
    is_replayed: bool = False,
) -> dict[str, Any]:
    """The metadata by which the front end tells beside a cell what it was billed, also of a saved notebook.

    Figures only, no word of a reply.

    Parameters
    ----------
    held : int or None
        What stays held until the bill is known.
    is_told : bool
        Whether the service told the bill.
    is_replayed : bool
        Whether a kept reply is shown again.
    """
    words = f"about {held:,} {unit} held, no bill yet" if held else ""
    if tokens:
        words = f"{tokens:,} {unit} {'billed' if is_told else 'debited'}"
    if is_replayed:
        words = "replayed, 0 tokens"
    return {"asksage": {"tokens": tokens, "held": held, "words": words}}


def notify(words: str) -> None:
    """A line that is not quiet."""
    surely({"text/html": notice(words), "text/plain": f"[{words}]"}, publish)


def mention(words: str) -> None:
    """A quiet line that belongs to no reply."""
    surely({"text/html": quiet(words), "text/plain": f"[{words}]"}, publish)


def tell(words: str) -> None:
    """Plain words, as everything else is written; help as a table."""
    page = words if isinstance(words, Page) else Page.of(words)
    publish({"text/html": page.html, "text/plain": words})


def present(thing: object, bill: dict[str, Any] | None = None) -> None:
    """Whatever shows itself; where it cost anything, with its `bill`."""
    display(thing, metadata=bill)  # type: ignore[no-untyped-call]


def part(said: object) -> None:
    """A part of what a command says."""
    from ...commands import Notice, Quiet
    from ...session import Reply

    if isinstance(said, Notice):
        notify(said)
    elif isinstance(said, Quiet):
        publish({"text/html": quiet(said), "text/plain": str(said)})
    elif isinstance(said, str):
        tell(said)
    elif isinstance(said, Reply):
        surely(bundle(said.text, "markdown"), publish)
        receipt(said)
    else:
        present(said)
