"""One month of an account, or another time, as figures, that show themselves in several forms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..account import Account, Meter
from ..files import writing
from ..session import given
from . import markdown, page, spreadsheet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..ledger import MonthFigures, Verification

# The columns of the calls by which a statement divides what was used.
GROUPINGS = ("model", "notebook", "project", "source")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the calls.

    Attributes
    ----------
    name : str or None
        The model, notebook, project, source or code; None where the calls do not tell it.
    calls : int
    tokens : int
        Ask Sage tokens.
    """

    name: str | None
    calls: int
    tokens: int


@dataclass(frozen=True, slots=True)
class MeterMonth:
    """One meter's month, or another time.

    Attributes
    ----------
    figures : MonthFigures
    calls : int
        How many calls were settled or presumed.
    groups : mapping of str to tuple of Section
        What they used, by each of `GROUPINGS` and each billing code, as ``tag:wbs``; each sums to
        ``figures.calls``.
    """

    meter: Meter
    figures: MonthFigures
    calls: int
    groups: Mapping[str, tuple[Section, ...]]

    @property
    def is_empty(self) -> bool:
        """Whether the ledger knows nothing of this meter in this time."""
        figures = self.figures
        told = (figures.brought, figures.granted, figures.topped_up, figures.used, figures.corrections)
        return not (any(told) or figures.open_holds or self.calls)


@dataclass(frozen=True, slots=True, repr=False)
class Statement:
    """An account's month, or another time, on both meters; as text it is Markdown.

    Attributes
    ----------
    account : Account
    title : str
        Whose tokens these are.
    meters : tuple of MeterMonth
        Inference and training.
    verification : Verification
        What the ledger's own check found, and the head of its chains.
    """

    account: Account
    title: str
    meters: tuple[MeterMonth, ...]
    verification: Verification

    @property
    def period(self) -> str:
        """The month, like ``"2026-10"``; another time as ISO 8601 has it, ``"2026-10-01/2026-11-20"``."""
        return self.meters[0].figures.period

    def to_markdown(self) -> str:
        """The page as Markdown, with tables."""
        return markdown.render(self)

    def to_html(self) -> str:
        """The page as a whole HTML document that needs nothing else, light or dark as its reader likes."""
        return page.document(self)

    def to_csv(self, path: str | Path | None = None) -> str | None:
        """All figures as CSV, one a row: period, meter, section, name, calls, tokens.

        Parameters
        ----------
        path : str or Path, optional
            Where to write it, ``~`` being the home folder; returned as text when absent.

        Raises
        ------
        BadInput
            The file cannot be written.
        """
        text = spreadsheet.render(self)
        if path is None:
            return text
        wanted = given.path(path, "the file")
        with writing(wanted):
            wanted.write_text(text, encoding="utf-8", newline="")
        return None

    def __str__(self) -> str:
        return markdown.render(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return page.fragment(self)

    def _repr_markdown_(self) -> str:  # of which LaTeX makes tables
        return markdown.render(self)
