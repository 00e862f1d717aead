"""What several models replied to one prompt, and what each of them cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...account.receipt import receipt
from ...display.harmless import within_markdown
from ...display.plain import plain
from ...errors import AskSageError, ReplyLost
from ..asking.reply import Reply
from .columns import ReplyColumn, as_markdown, as_text, column

if TYPE_CHECKING:
    import pandas
    from markupsafe import Markup

    from ...account import Balance
    from ...rates import Estimate


@dataclass(frozen=True, slots=True)
class Comparison:
    """The replies of several models to one prompt.

    Attributes
    ----------
    replies : mapping of str to Reply or Exception
        By the model asked, in the order asked; the error where there is no reply.
    estimates : mapping of str to Estimate
        What each was expected to cost, before sending.
    duration_ms : mapping of str to int
        From sending to the whole reply, or to what ended it; all were sent at once.
    balance : Balance or None
        After the debits; None if the ledger could not be read.
    is_demo : bool
        Whether the local demo answered, whose tokens are its own.
    """

    replies: Mapping[str, Reply | Exception]
    estimates: Mapping[str, Estimate] = field(repr=False)
    duration_ms: Mapping[str, int] = field(repr=False)
    balance: Balance | None = field(default=None, repr=False)
    is_demo: bool = False

    @property
    def tokens(self) -> int:
        """Ask Sage tokens debited in all."""
        return sum(reply.tokens or 0 for reply in self.replies.values() if isinstance(reply, Reply))

    @property
    def held(self) -> int:
        """Ask Sage tokens that stay held, as nobody knows their bills: of what was stopped or lost."""
        return sum(_held(reply, self.estimates[model]) for model, reply in self.replies.items())

    @property
    def failure(self) -> Exception | None:
        """The first error, if no model replied; None where there is something to compare."""
        errors = [reply for reply in self.replies.values() if isinstance(reply, Exception)]
        return errors[0] if errors and len(errors) == len(self.replies) else None

    @property
    def columns(self) -> list[ReplyColumn]:
        """The replies as they are shown."""
        return [column(model, reply, self.duration_ms[model]) for model, reply in self.replies.items()]

    @property
    def receipt(self) -> str:
        """One quiet line: how many models, their tokens together, what stays held and what is left."""
        parts = ["local demo"] if self.is_demo else []
        parts += [f"{len(self.replies)} models", f"{self.tokens:,} tokens"]
        if self.held:
            parts.append(f"about {self.held:,} more stay held until the bill is known")
        if self.balance is not None and self.balance.inference.granted is not None:
            meter = self.balance.inference
            parts.append(meter.left_words())
        return " · ".join(parts)

    def __str__(self) -> str:
        return f"{as_text(self.columns)}\n\n{self.receipt}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(plain(str(self)))

    def _repr_markdown_(self) -> str:
        return f"{as_markdown(self.columns)}\n\n{within_markdown(self.receipt_html)}"

    @property
    def receipt_html(self) -> Markup:
        """The receipt beside the bar of what is left."""
        return receipt(self.receipt, self.balance)

    def to_frame(self) -> pandas.DataFrame:
        """The replies as data.

        Returns
        -------
        pandas.DataFrame, shape (models, 9)
            A row for each model asked: ``model``, ``text``, ``tokens`` and ``estimate`` in Ask Sage tokens,
            ``source`` of ``tokens``, ``input_tokens`` and ``output_tokens`` in model tokens, ``duration_ms``,
            and ``error`` where there is no reply. What is not known is NA.
        """
        import pandas

        rows = [self._row(shown) for shown in self.columns]
        figures = ("tokens", "estimate", "input_tokens", "output_tokens", "duration_ms")
        frame = pandas.DataFrame(rows)
        return frame.astype({name: "Int64" if name in figures else "string" for name in frame.columns})

    def _row(self, shown: ReplyColumn) -> dict[str, object]:
        outcome = self.replies[shown.model]
        reply = outcome if isinstance(outcome, Reply) else None
        return {
            "model": shown.model,
            "text": shown.text if reply or shown.text else None,
            "tokens": shown.tokens,
            "estimate": self.estimates[shown.model].expected,
            "source": reply and reply.source and str(reply.source),
            "input_tokens": reply and reply.input_tokens,
            "output_tokens": reply and reply.output_tokens,
            "duration_ms": self.duration_ms[shown.model],
            "error": None if reply else shown.told,
        }


def _held(outcome: Reply | Exception, estimate: Estimate) -> int:
    """What stays held of a call, as its bill is unknown."""
    if isinstance(outcome, Reply):
        return outcome.held
    return estimate.expected if isinstance(outcome, ReplyLost) or not isinstance(outcome, AskSageError) else 0
