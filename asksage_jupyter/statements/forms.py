"""A statement, which shows itself in several forms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..display.harmless import literal
from ..files import writing
from ..session import given
from . import page, spreadsheet, tables, words
from .months import AccountMonth


@dataclass(frozen=True, slots=True, repr=False)
class Statement(AccountMonth):
    """An `AccountMonth` that shows itself; as text it is Markdown."""

    def to_markdown(self) -> str:
        """The page as Markdown, with tables as GitHub and Jupyter know them."""
        blocks = [f"# {words.heading(self)}", literal(self.title)]
        if words.is_empty(self):
            blocks.append(words.nothing(self))
        else:
            blocks += [tables.account(self).to_markdown(), *words.remarks(self)]
            blocks += [table.to_markdown() for table in tables.divisions(self)]
        blocks.append("\n".join(f"- {literal(line)}" for line in words.foot(self)))
        return "\n\n".join(blocks) + "\n"

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
        return self.to_markdown()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return page.fragment(self)

    def _repr_markdown_(self) -> str:  # of which LaTeX makes tables
        return self.to_markdown()
