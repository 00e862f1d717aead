"""What an upload would cost, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...account import Meter, Source
from ...account.receipt import receipt
from ...display.plain import many
from ..asking.reply import SOURCES

if TYPE_CHECKING:
    from ...account import Balance
    from .sources import Piece

_BASIS = (
    "a text is priced at 1.3 training tokens a model token (cl100k_base), as in 4 of 4 recorded uploads; "
    "a document, image or sound at one recorded upload of its kind, whatever its length"
)


@dataclass(frozen=True, slots=True)
class TrainingEstimate:
    """What an upload would cost; nothing was sent.

    Attributes
    ----------
    dataset : str
    pieces : tuple of Piece
        What is missing in the dataset.
    there : int
        How many pieces were uploaded before.
    under_way : int
        How many go on at the service since an earlier run; their tokens are held.
    """

    dataset: str
    pieces: tuple[Piece, ...]
    there: int = 0
    under_way: int = 0

    @property
    def training(self) -> int:
        """Training tokens expected."""
        return sum(piece.training for piece in self.pieces)

    @property
    def inference(self) -> int:
        """Inference tokens expected, for images and sound."""
        return sum(piece.inference for piece in self.pieces)

    def __str__(self) -> str:
        also = f" and {self.inference:,} inference tokens" if self.inference else ""
        there = f"; {many(self.there, 'piece')} there already" if self.there else ""
        there += f"; {many(self.under_way, 'piece')} under way" if self.under_way else ""
        pieces = many(len(self.pieces), "piece")
        about = f"about {self.training:,} training tokens{also}{there}"
        return f"{self.dataset}: {pieces} to upload, {about}\n  {_BASIS}"

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class Training:
    """What an upload came to.

    Attributes
    ----------
    dataset : str
    uploaded, there : int
        Pieces uploaded now, and those uploaded before.
    tokens, inference_tokens : int
        Ask Sage tokens debited on the training and on the inference meter.
    held : int
        Training tokens that stay held until the bill is known: what was stopped, or whose bill was not told.
    sources : tuple of Source
        Where the debits come from.
    balance : Balance or None
        After the debits; None if the ledger could not be read.
    notes : tuple of str
        What is worth knowing: a debit still to be booked, a file that was taken in only in part.
    is_demo : bool
        Whether the local demo was trained, whose tokens are its own.
    """

    dataset: str
    uploaded: int = 0
    there: int = 0
    tokens: int = 0
    inference_tokens: int = 0
    sources: tuple[Source, ...] = ()
    balance: Balance | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    is_demo: bool = False
    held: int = 0

    @property
    def receipt(self) -> str:
        """One quiet line: dataset, pieces, tokens of each meter and their source, and what is left."""
        parts = ["local demo", self.dataset] if self.is_demo else [self.dataset]
        parts.append(f"{many(self.uploaded, 'piece')} uploaded")
        if self.there:
            parts.append(f"{many(self.there, 'piece')} there already")
        if self.sources:
            parts.append(
                f"{self.tokens:,} training tokens ({', '.join(SOURCES[each] for each in self.sources)})"
            )
        if self.inference_tokens:
            parts.append(f"{self.inference_tokens:,} inference tokens ({SOURCES[Source.PRESUMED]})")
        if self.held:
            parts.append(f"about {self.held:,} training tokens stay held until the bill is known")
        if self.balance is not None and self.balance.training.granted is not None:
            meter = self.balance.training
            parts.append(meter.left_words("training tokens"))
        return " · ".join([*parts, *self.notes])

    def __str__(self) -> str:
        return self.receipt

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return receipt(self.receipt, self.balance, Meter.TRAINING)
