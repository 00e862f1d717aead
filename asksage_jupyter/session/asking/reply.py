"""What comes back from a call: the text, and the one quiet line about its tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...account import Bill, Source
from ...account.receipt import receipt
from ...display.harmless import harmless, within_markdown
from ...display.plain import plain

if TYPE_CHECKING:
    from markupsafe import Markup

    from ...account import Balance
    from ...rates import Estimate
    from .why import Why

SOURCES = {
    Source.BILLED: "billed",
    Source.LOG: "from the prompt log",
    Source.PRICED: "priced: the bill was not told",
    Source.CATALOG: "priced from the catalog, unverified",
    Source.PRESUMED: "presumed: the bill was not told",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's reply and what it cost.

    Attributes
    ----------
    text : str
        The reply, as far as it arrived.
    model : str
        The model that answered.
    estimate : Estimate
        Expected Ask Sage tokens, before sending.
    tokens : int or None
        Ask Sage tokens debited; None while the bill is unknown, or where nothing was sent.
    source : Source or None
        Where `tokens` comes from.
    input_tokens, output_tokens : int or None
        Model tokens, where the service tells them.
    balance : Balance or None
        After the debit; None if the ledger could not be read.
    notes : tuple of str
        What is worth knowing: history's share, another model than asked, a debit still to be booked.
    op : str
        The move's id in the ledger.
    held : int
        Ask Sage tokens that stay held until the bill is known.
    interrupted : bool
        Whether the person stopped it.
    is_demo : bool
        Whether the local demo answered, whose tokens are its own.
    replayed : str
        When the reply came that is shown again here, for 0 tokens; else empty.
    before : int or None
        Ask Sage tokens that it was debited then, where they are known.
    """

    text: str = field(repr=False)
    model: str
    estimate: Estimate = field(repr=False)
    op: str
    tokens: int | None = None
    source: Source | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    balance: Balance | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    interrupted: bool = False
    held: int = 0
    is_demo: bool = False
    replayed: str = ""
    before: int | None = None

    @property
    def why(self) -> Why:
        """What the bill is made of, and what of it could be left out."""
        from .why import why

        bill = None
        if self.tokens is not None and self.source is not None:
            told = self.input_tokens, self.output_tokens
            bill = Bill(self.tokens, self.source, input_tokens=told[0], output_tokens=told[1])
        return why(self.model, self.estimate.parts, bill)

    @property
    def receipt(self) -> str:
        """One quiet line: model, tokens and their source, remaining, and what is worth knowing."""
        parts = ["local demo", self.model] if self.is_demo else [self.model]
        if self.replayed:
            then = "" if self.before is None else f" ({self.before:,} then)"
            parts += [f"replayed, of {self.replayed}", f"0 tokens{then}", "--fresh asks again"]
        elif self.tokens is None or self.source is None:
            parts.append("interrupted" if self.interrupted else "the bill is not told yet")
            parts[-1] += f": {open_words(self.held)}"
        else:
            parts.append(f"{self.tokens:,} tokens ({SOURCES[self.source]})")
        if self.balance is not None and self.balance.inference.granted is not None:
            meter = self.balance.inference
            parts.append(meter.left_words())
        return plain(" · ".join([*parts, *self.notes]))

    def __str__(self) -> str:
        return self.text

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What a terminal's IPython shows; `repr` stays short, as it is written into logs and tracebacks."""
        printer.text(f"{plain(self.text)}\n\n[{self.receipt}]")

    def _repr_markdown_(self) -> str:
        return f"{harmless(self.text)}\n\n{within_markdown(self.receipt_html)}"

    @property
    def receipt_html(self) -> Markup:
        """The receipt beside the bar of what is left."""
        return receipt(self.receipt, self.balance)


def open_words(held: int) -> str:
    """What becomes of the estimate of a call that has no bill."""
    return f"about {held:,} tokens stay held until the bill is known" if held else "nothing was sent"


def stays_held(tokens: int) -> str:
    """What becomes of a call's estimate while nobody knows its bill."""
    return f"About {tokens:,} tokens stay held until the bill is known."


def unpriced(model: str) -> Estimate:
    """The estimate of a call that was stopped before it was priced."""
    from ...rates import Estimate

    return Estimate(model, 0, 0, 0, (), 0, Source.PRICED, "stopped before it was priced")
