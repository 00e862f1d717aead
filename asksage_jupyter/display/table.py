"""A table as text for a font of fixed width, as HTML and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from markupsafe import Markup

from .bar import thin_bar
from .harmless import literal
from .markup import LINE, QUIET, TEXT, fill, joined, line, unbroken
from .plain import one_line, shortened

Row = Sequence[str]

_LEAST = 80  # columns: no note is broken to less
_TABLE = (
    "border-collapse:collapse;table-layout:auto;border:none;margin:.3em 0;font-size:inherit;color:inherit"
)
# Above the table, as a caption within it is as narrow as its columns, or makes them too wide.
_CAPTION = "font-weight:600;padding-top:.3em"
_CELL = f"border:none;border-top:1px solid {LINE};background:none;vertical-align:baseline"
_HEAD = "border:none;background:none;font-weight:600"
_FIGURE = "text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums"
_ABOVE_FIGURES = "text-align:right;white-space:normal;overflow-wrap:normal"
_WORDS = "text-align:left;white-space:normal"
# What is short is not broken: beside a long text its column would shrink to a letter.
_WORD, _SHORT = "text-align:left;white-space:nowrap", 16
_LONGEST = 64  # of what a row is called; a pointer over it tells the whole


@dataclass(frozen=True, slots=True, repr=False)
class Table:
    """Rows below a head; shows itself.

    Attributes
    ----------
    head : sequence of str
    rows : sequence of sequence of str
    total : sequence of str or None
        The last row, which sums the others.
    sides : str
        For each column ``l`` or ``r``, where its cells stand; the last letter is for all that follow. Figures
        stand at the right.
    shares : sequence of float or None
        For each row the share, 0 to 1, that HTML draws as a bar below its name.
    caption, note : str
        What stands above the table, and quietly below it.
    """

    head: Row
    rows: Sequence[Row]
    total: Row | None = None
    sides: str = "lr"
    shares: Sequence[float] | None = None
    caption: str = ""
    note: str = ""

    def __str__(self) -> str:
        head, *rows = self._cells
        widths = self._widths
        rule = "  ".join("-" * width for width in widths)
        lines = [self._line(row, widths) for row in rows]
        if self.total:
            lines.insert(-1, rule)
        above = [one_line(self.caption)] if self.caption else []
        room = max(_LEAST, sum(widths) + 2 * (len(widths) - 1))
        below = ["", *wrap(one_line(self.note), room, break_on_hyphens=False)] if self.note else []
        return "\n".join([*above, self._line(head, widths), rule, *lines, *below])

    __repr__ = __str__

    def _repr_html_(self) -> Markup:
        # A heading without a word is none.
        heads = joined(
            self._cell("th" if text else "td", _HEAD, place, text) for place, text in enumerate(self.head)
        )
        shares: Sequence[float | None] = self.shares or [None] * len(self.rows)
        body = joined(self._row(row, share) for row, share in zip(self.rows, shares, strict=True))
        foot = self.total and fill('<tfoot style="font-weight:600">{}</tfoot>', self._row(self.total))
        label = fill(' aria-label="{}"', self.caption) if self.caption else Markup("")
        table = fill(
            '<table{} style="{}"><thead><tr>{}</tr></thead><tbody>{}</tbody>{}</table>',
            label, f"{_TABLE};width:100%" if self.shares else _TABLE, heads, body, foot or "",
        )  # fmt: skip
        whole = joined([line(self.caption, _CAPTION), table, line(self.note, QUIET)])
        return fill('<div style="{}">{}</div>', TEXT, whole)

    def to_markdown(self) -> str:
        """As GitHub and Jupyter know it, aligned as plain text too; the total is its last row."""
        head, *rows = [[literal(cell) for cell in row] for row in self._cells]
        widths = [max(4, *map(width, column)) for column in zip(head, *rows, strict=True)]
        rule = [
            "-" * (cell - 1) + ":" if self._side(place) == "r" else "-" * cell
            for place, cell in enumerate(widths)
        ]
        return "\n".join(f"| {' | '.join(self._padded(row, widths))} |" for row in (head, rule, *rows))

    @property
    def _cells(self) -> list[list[str]]:
        shown = [self.head, *self.rows, *([self.total] if self.total else [])]
        return [[one_line(cell) for cell in row] for row in shown]

    @property
    def _widths(self) -> list[int]:
        return [max(map(width, column)) for column in zip(*self._cells, strict=True)]

    def _side(self, place: int) -> str:
        return self.sides[min(place, len(self.sides) - 1)]

    def _line(self, row: Row, widths: Sequence[int]) -> str:
        return "  ".join(self._padded(row, widths)).rstrip()

    def _padded(self, row: Row, widths: Sequence[int]) -> list[str]:
        blanks = (" " * (wanted - width(cell)) for cell, wanted in zip(row, widths, strict=True))
        return [
            cell + blank if self._side(place) == "l" else blank + cell
            for place, (cell, blank) in enumerate(zip(row, blanks, strict=True))
        ]

    def _row(self, row: Row, share: float | None = None) -> Markup:
        name: str = shortened(one_line(row[0]), _LONGEST)
        if share is not None:
            name = joined([line(name, tip=getattr(name, "whole", "")), thin_bar(("used", share))])
        row = [name, *row[1:]]
        cells = joined(self._cell("td", _CELL, *cell) for cell in enumerate(row))
        # JupyterLab's own stripes are as strong as a mark.
        return fill('<tr style="background:none">{}</tr>', cells)

    def _cell(self, tag: str, style: str, place: int, text: str) -> Markup:
        words = _WORD if len(text) <= _SHORT else _WORDS
        figure = _FIGURE if tag == "td" else _ABOVE_FIGURES
        side = figure if self._side(place) == "r" else words
        if self.shares and place == 0:
            side += ";width:99%"  # the bars take what room there is
        # At the table's edges no cell is further in than what stands above and below it.
        left, right = "0" if place == 0 else ".6em", "0" if place == len(self.head) - 1 else ".6em"
        scope = Markup(' scope="col"') if tag == "th" else ""
        tip = Markup("")
        if not isinstance(text, Markup):
            if whole := getattr(text, "whole", ""):
                tip = fill(' title="{}"', whole)
                side += ";overflow-wrap:anywhere"  # no copy is to have it
            text = one_line(text) if whole or "nowrap" in side else unbroken(one_line(text))
        padding = f"padding:.15em {right} .15em {left}"
        return fill('<{0}{1}{6} style="{2};{3};{4}">{5}</{0}>', tag, scope, padding, style, side, text, tip)


class Tabular:
    """What shows itself as its table."""

    __slots__ = ()

    @property
    def table(self) -> Table:
        """As it is shown."""
        raise NotImplementedError

    def __str__(self) -> str:
        return str(self.table)

    __repr__ = __str__

    def _repr_html_(self) -> Markup:
        return self.table._repr_html_()


def width(text: str) -> int:
    """The columns of a terminal that the line takes: of Chinese two a letter, of an accent none."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth  # where it is needed: it takes as long to import as all of this package

    return max(0, wcswidth(text))
