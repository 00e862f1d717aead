"""Long texts in pieces that a dataset takes well, cut where a reader would pause."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ...tokens import count_each

# The service's advice is a few thousand tokens a piece: more, and a search finds a page for a sentence; less,
# and a piece loses what it speaks of.
PIECE_TOKENS = 3_000

# Where a text may be cut, best first; each match is the end of a unit, and belongs to it.
_SENTENCE = re.compile(r"[.!?。！？][\"'”’)\]]*\s+|[。！？]|\n[^\S\n]*\n\s*")
_LINE = re.compile(r"\n")
_WORD = re.compile(r"\s+")
_PROSE, _ROWS = (_SENTENCE, _LINE, _WORD), (_LINE, _SENTENCE, _WORD)


def split(text: str, *, rows: bool = False, limit: int = PIECE_TOKENS) -> list[str]:
    """`text` in pieces of about `limit` model tokens at most, which together are the text again.

    Parameters
    ----------
    text : str
    rows : bool
        Cut at line ends, as in a table; otherwise at the ends of sentences and paragraphs. What is longer
        than a piece is cut at the next best place: lines, words, and at last anywhere.
    limit : int
        Model tokens (cl100k_base) of a piece.
    """
    return list(_packed(_units([text], _ROWS if rows else _PROSE, limit), limit, ""))


def pack(rows: list[str], *, limit: int = PIECE_TOKENS) -> list[str]:
    """Rows, one a line, in pieces of about `limit` model tokens; a row is cut only if it is longer."""
    return list(_packed(_units(rows, _PROSE, limit), limit, "\n"))


def _packed(units: Iterable[tuple[str, int]], limit: int, between: str) -> Iterator[str]:
    piece: list[str] = []
    held = 0
    for unit, tokens in units:
        if piece and held + tokens > limit:
            yield between.join(piece)
            piece, held = [], 0
        piece.append(unit)
        held += tokens + len(between)
    if piece:
        yield between.join(piece)


def _units(
    texts: list[str], boundaries: tuple[re.Pattern[str], ...], limit: int
) -> Iterator[tuple[str, int]]:
    """Parts of the texts that fit into a piece, each with its model tokens."""
    for text, tokens in zip(texts, count_each(texts), strict=True):
        if tokens > limit:
            parts = _cut_after(boundaries[0], text) if boundaries else _halves(text)
            yield from _units(list(parts), boundaries[1:], limit)
        elif text:
            yield text, tokens


def _halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def _cut_after(boundary: re.Pattern[str], text: str) -> Iterator[str]:
    start = 0
    for found in boundary.finditer(text):
        yield text[start : found.end()]
        start = found.end()
    if start < len(text):
        yield text[start:]
