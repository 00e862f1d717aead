"""What the person sees: a reply in its format, while it arrives and whole, and the quiet line below it."""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from IPython.display import display

from ..display.harmless import harmless
from ..display.markup import fill, joined, notice, quiet
from ..display.page import Page
from ..display.plain import plain
from . import front_end
from .fences import fenced, first_block
from .framed import framed
from .waiting import line_of

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..session import Comparison, Reply
    from ..session.comparing.columns import Column
    from .waiting import Waiting

Bundle = dict[str, str]

STREAMED = ("markdown", "text")
STOPPED = "stopped; the line above tells what stays held."  # and so it is told once

_PAUSE_S = 0.1


def bundle(text: str, format: str) -> Bundle:
    """A reply by media type; every format has a plain twin, for terminals and for places without HTML.

    Parameters
    ----------
    text : str
    format : str
        One of `settings.FORMATS`. JSON that does not parse is shown as text.
    """
    if format == "html":
        block = first_block(text) or ""
        page = block if block.lstrip().startswith("<") else text
        return {"text/html": framed(page), "text/plain": text}
    if format == "code" and (code := first_block(text)) is not None:
        folded = _folded("The code is in the new cell below.", text)
        return {"text/html": folded, "text/plain": text, "text/x-python": code}
    if format == "json":
        try:
            pretty = json.dumps(parsed(text), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            return {"text/plain": text}
        return {"text/markdown": fenced(pretty, "json"), "text/plain": pretty}
    if format == "text":
        return {"text/plain": text}
    return {"text/markdown": harmless(text), "text/plain": text}


def side_by_side(columns: Sequence[Column]) -> Bundle:
    """Several replies by media type."""
    from ..session.comparing.columns import as_markdown, as_text

    return {"text/markdown": as_markdown(columns), "text/plain": as_text(columns)}


def parsed(text: str) -> Any:
    """The JSON value of a reply, whether it is bare or in a fenced block.

    Raises
    ------
    ValueError
        It is not JSON.
    """
    trouble = ""
    for candidate in (text, first_block(text)):
        if candidate is not None:
            try:
                return json.loads(candidate)
            except (ValueError, RecursionError) as error:
                trouble = str(error)
    raise ValueError(trouble)


class Screen:
    """One output below the cell, replaced while the reply arrives.

    Parameters
    ----------
    format : str or callable
        How the text so far is shown; or what makes a bundle of whatever there is so far.
    live : bool
        Whether the front end can replace an output; one that cannot gets the whole reply at the end.
    line : Waiting, optional
        What tells of the waiting: the reply takes the place of its output.
    clock : callable
        Seconds; the output is replaced ten times a second at most.
    """

    def __init__(
        self,
        format: str | Callable[[Any], Bundle],
        *,
        live: bool = True,
        line: Waiting | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bundle = partial(bundle, format=format) if isinstance(format, str) else format
        self.live, self._line = live, line
        self._clock = clock
        self._next = clock()
        self._output: Any = None
        self._shown: Bundle = {}

    def __call__(self, so_far: Any) -> None:
        """Show what there is so far, unless the last time is too recent."""
        if self.live and self._clock() >= self._next:
            data = self._bundle(so_far)
            if data != self._shown:
                self._show(data)
                self._shown = data
            self._next = self._clock() + _PAUSE_S

    def finish(self, whole: Any) -> None:
        """Show all that came of the reply."""
        _surely(self._bundle(whole), self._show)

    def _show(self, data: Bundle) -> None:
        if self._output is None:
            self._output = self._line and self._line.hand_over()
        if self._output is None:
            self._output = _publish(data, display_id=True)
        else:
            self._output.update(_plain(data), raw=True)


class Terminal(Screen):
    """A terminal, which a reply is written on as it arrives: what is written stays."""

    def __init__(self) -> None:
        super().__init__("text", live=False)
        self._written = ""

    def __call__(self, so_far: Any) -> None:
        """Write what has come since the last time."""
        text = plain(so_far)
        if text.startswith(self._written):
            sys.stdout.write(text[len(self._written) :])
            sys.stdout.flush()
            self._written = text

    def finish(self, whole: Any) -> None:
        """Write the rest; all of it, should it not go on as it began."""
        self(whole)
        if self._written:
            sys.stdout.write("\n")
        if self._written != plain(whole):
            super().finish(whole)


def screen(shell: InteractiveShell, format: str | Callable[[Any], Bundle], *, streamed: bool) -> Screen:
    """Where a reply is shown, after what the front end that asked can do."""
    if streamed and format in STREAMED and front_end.is_terminal(shell):
        return Terminal()
    line = line_of(shell)
    line.hand_over()  # what was told before this is no place for the reply
    return Screen(format, live=streamed and front_end.can_replace(shell), line=line)


def receipt(reply: Reply | Comparison, *notices: str | None) -> None:
    """The quiet line below a reply; notices, which are not quiet, stand above it."""
    from ..account import Source

    told = list(filter(None, notices))
    html = joined([*map(notice, told), reply.receipt_html])
    text = "\n".join([*(f"[{words}]" for words in told), reply.receipt])
    is_told = getattr(reply, "source", None) in (Source.BILLED, Source.LOG)
    is_replayed = bool(getattr(reply, "replayed", ""))
    metadata = bill(reply.tokens, held=reply.held, is_told=is_told, is_replayed=is_replayed)
    _surely({"text/html": html, "text/plain": text}, partial(_publish, metadata=metadata))


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
    _surely({"text/html": notice(words), "text/plain": f"[{words}]"}, _publish)


def mention(words: str) -> None:
    """A quiet line that belongs to no reply."""
    _surely({"text/html": quiet(words), "text/plain": f"[{words}]"}, _publish)


def tell(words: str) -> None:
    """Plain words, in a font of fixed width; help as a table."""
    # JupyterLab breaks plain text anywhere; its twin breaks between words.
    if isinstance(words, Page):
        html = words.html
    else:
        html = fill('<pre style="white-space:pre-wrap;word-break:normal">{}</pre>', words)
    _publish({"text/html": html, "text/plain": words})


def present(thing: object, bill: dict[str, Any] | None = None) -> None:
    """Whatever shows itself; where it cost anything, with its `bill`."""
    display(thing, metadata=bill)  # type: ignore[no-untyped-call]


def part(said: object) -> None:
    """A part of what a command says."""
    from ..commands import Notice
    from ..session import Reply

    if isinstance(said, Notice):
        notify(said)
    elif isinstance(said, str):
        tell(said)
    elif isinstance(said, Reply):
        _surely(bundle(said.text, "markdown"), _publish)
        receipt(said)
    else:
        present(said)


def _surely(data: Bundle, publish: Callable[[Bundle], object]) -> None:
    """Publish what was paid for; print it where the display fails."""
    try:
        publish(data)
    except Exception as error:  # noqa: BLE001  whatever it is, the reply comes first
        sys.stdout.write(plain(data["text/plain"]) + "\n")
        warnings.warn(f"this could only be printed: {error}", stacklevel=3)


def _publish(data: Bundle, **how: Any) -> Any:
    return display(_plain(data), raw=True, **how)  # type: ignore[no-untyped-call]


def _plain(data: Bundle) -> Bundle:
    return {kind: plain(text) for kind, text in data.items()}


def _folded(summary: str, text: str) -> str:
    return fill(
        "<details><summary>{} Show the whole reply.</summary>"
        '<pre style="white-space:pre-wrap">{}</pre></details>',
        summary,
        text,
    )
