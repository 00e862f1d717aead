"""Counts of text that has no place to cut for hundreds of thousands of characters.

A sequence of DNA, a wall of ``=``, a million blanks: tiktoken would need some 150 bytes of memory a
character for a run of one kind, and gives up on white space. Here the text is split into pieces by the
encoding's own pattern, and a long piece is merged window by window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .encodings import encoding, pattern

if TYPE_CHECKING:
    from tiktoken import Encoding

_WINDOW = 1 << 16  # characters merged at once
_LONGEST = 128  # bytes of the longest token, in both encodings
_SEAMS = 64  # how many tokens from a window's end are tried as its seam


def count_by_pieces(text: str, name: str, *, window: int = _WINDOW) -> int:
    """How many tokens `text` (without surrogates) is in the encoding `name`.

    Parameters
    ----------
    window : int
        Characters merged at once, 128 or more. The result does not depend on it.
    """
    import regex  # type: ignore[import-untyped]  # tiktoken depends on it; the only engine in Python that knows its patterns

    unsplit = encoding(name, unsplit=True)
    pieces = regex.finditer(pattern(name), text, regex.VERSION1)  # the one with differences of sets
    return sum(_count_piece(piece.group(), unsplit, window) for piece in pieces)


def _count_piece(piece: str, unsplit: Encoding, window: int) -> int:
    """Tokens of one piece, window by window.

    Tokens are what byte-pair merging makes of their bytes exactly when every two neighbours are
    (https://github.blog/ai-and-ml/llms/so-many-tokens-so-little-time-introducing-a-faster-more-flexible-byte-pair-tokenizer/).
    So windows may be merged apart from each other, if at every seam both neighbours stay what they are
    when merged together.

    tiktoken takes a piece that is itself a token as that token, even where merging would not arrive at it.
    Only a whole piece may be taken so: hence no window is shorter than the longest token. The last one may
    be, and then such a token does not fit its neighbour, as what surrounds a seam is merged again.
    """
    window = max(window, _LONGEST)
    start = total = 0
    tokens = unsplit.encode_ordinary(piece[:window])
    while start + window < len(piece):
        for kept, seam in _seams(tokens, unsplit, min(start + window, len(piece))):
            following = unsplit.encode_ordinary(piece[seam : seam + window])
            if _fit(tokens[:kept], following, unsplit):
                total += kept
                start, tokens = seam, following
                break
        else:
            # Only seen in windows of one or two tokens. Exact all the same: the rest of the piece at once.
            return total + len(unsplit.encode_ordinary(piece[start:]))
    return total + len(tokens)


def _seams(tokens: list[int], unsplit: Encoding, end: int) -> list[tuple[int, int]]:
    """Between which tokens a window that ends at character `end` of its piece may be ended earlier.

    Returns
    -------
    list of (int, int)
        Tokens kept, and the character of the piece where the next window starts.
    """
    seams = []
    for kept in range(len(tokens) - 1, max(0, len(tokens) - _SEAMS), -1):
        tail = b"".join(unsplit.decode_tokens_bytes(tokens[kept:]))
        if _starts_character(tail):
            seams.append((kept, end - len(tail.decode())))
    return seams


def _fit(left: list[int], right: list[int], unsplit: Encoding) -> bool:
    """Whether the last of `left` and the first of `right` stay themselves side by side.

    Asked of the few tokens around them that are whole characters, as text is all that can be encoded.
    """
    first, last = len(left) - 1, 1
    while first > 0 and not _starts_character(unsplit.decode_single_token_bytes(left[first])):
        first -= 1
    while last < len(right) and not _starts_character(unsplit.decode_single_token_bytes(right[last])):
        last += 1
    around = left[first:] + right[:last]
    return unsplit.encode_ordinary(b"".join(unsplit.decode_tokens_bytes(around)).decode()) == around


def _starts_character(utf8: bytes) -> bool:
    return utf8[0] & 0xC0 != 0x80
