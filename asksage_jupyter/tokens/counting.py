"""Counts of any amount of text, chunk by chunk."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator, Sized
from itertools import chain
from pathlib import Path

from ..files import reading
from .cuts import chunks
from .encodings import SEPARATOR
from .encodings import encoding as built
from .fast import faster
from .pieces import count_by_pieces
from .threads import spread

_CHUNK = 1 << 17  # characters: large enough to be fast, small enough that memory does not matter
# tiktoken's regular expressions give up, with an exception outside of Exception and a backtrace on stderr,
# at about 1,000,000 characters of white space in a row. Nothing longer than this is handed to them.
_LONGEST = 2 * _CHUNK
# Every token with a digit in it is one to three digits and nothing else, and each such text is a token:
# so any digit counts as any other, and the lines of a table are fewer.
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_LOOKED_AT = 1_000  # of many texts, to guess whether they repeat each other


def count(text: str | bytes, encoding: str = "cl100k_base", *, chunk: int = _CHUNK) -> int:
    """How many model tokens `text` is, exactly as tiktoken's ``encode_ordinary`` would count them.

    Any length is counted in a few MB over the text itself; only a stretch without a place to cut (a run
    of one letter, of one script without spaces, of white space) is held whole, at 1 to 4 bytes a
    character. Lines that come again, but for their digits, are encoded once. Large texts of other lines are
    counted on several cores, or by gigatoken where it is installed (``asksage_jupyter[fast]``).

    Parameters
    ----------
    text : str or bytes
        Special tokens such as ``<|endoftext|>`` count as the text they are. Lone surrogates, and bytes
        that are not UTF-8, count as U+FFFD, which is what a service is sent in their place.
    encoding : str
        One of `ENCODINGS`.
    chunk : int
        Characters counted at once; the result does not depend on it.

    Raises
    ------
    BadInput
        `encoding` is unknown. Nothing was counted.
    ConfigurationError
        The encoding's data file is damaged.
    """
    if isinstance(text, str):
        blocks = _encoded_blocks(text, chunk)
    else:
        blocks = (text[at : at + chunk] for at in range(0, len(text), chunk))
    return _count_blocks(blocks, encoding, chunk)


def count_each(texts: Iterable[str], encoding: str = "cl100k_base") -> list[int]:
    """How many model tokens each of `texts` is, as `count` tells it; of those alike but for digits one is.

    Raises
    ------
    BadInput
        `encoding` is unknown.
    ConfigurationError
        The encoding's data file is damaged.
    """
    listed = list(texts)
    # Among texts of which hardly one comes twice, looking for equals costs more than counting them again.
    looked_at = listed[:: len(listed) // _LOOKED_AT + 1]
    keys = listed
    if _mostly_differ(looked_at):
        if _mostly_differ(_with_digits_alike(looked_at)):
            return _count_many(listed, encoding)
        keys = _with_digits_alike(listed)
    distinct = [*{*keys}]
    counts = dict(zip(distinct, _count_many(distinct, encoding), strict=True))
    return list(map(counts.__getitem__, keys))


def _count_many(texts: list[str], name: str) -> list[int]:
    """The tokens of each of `texts`, of which many are encoded at once: one by one takes twice the time."""
    encoding = built(name)
    separator = encoding.max_token_value

    def count_one(text: str) -> int:
        return len(encoding.encode_ordinary(text)) if len(text) < _CHUNK else count(text, name)

    def count_batch(batch: list[str]) -> list[int]:
        joined = SEPARATOR.join(batch)
        if len(joined) > _LONGEST or joined.count(SEPARATOR) >= len(batch):
            return list(map(count_one, batch))
        tokens = encoding.encode(joined, allowed_special="all")
        tokens.append(separator)
        counts, start = [], 0
        for _ in batch:
            end = tokens.index(separator, start)
            counts.append(end - start)
            start = end + 1
        return counts

    if sum(map(len, texts)) < _CHUNK:  # too few for threads
        return list(map(count_one, texts))
    return [*chain.from_iterable(spread(count_batch, _batches(texts)))]


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= _CHUNK:
            yield batch
            batch, size = [], 0
    yield batch


def _mostly_differ(texts: list[str]) -> bool:
    return len({*texts}) > len(texts) // 2


def count_file(
    path: Path,
    encoding: str = "cl100k_base",
    *,
    chunk: int = _CHUNK,
    advance: Callable[[int], object] = lambda _: None,
) -> int:
    """How many model tokens the file at `path` is, read in blocks as UTF-8; otherwise as `count`.

    Parameters
    ----------
    advance : callable
        Told the bytes of each block that is read, by whichever thread reads it.

    Raises
    ------
    BadInput
        The file cannot be read, or `encoding` is unknown.
    ConfigurationError
        The encoding's data file is damaged.
    """
    with reading(Path(path)), Path(path).open("rb") as file:
        blocks = iter(lambda: file.read(chunk), b"")
        return _count_blocks(_told(blocks, advance), encoding, chunk)


def _with_digits_alike(texts: list[str]) -> list[str]:
    joined = "\0".join(texts)  # all at once takes a tenth of one by one
    if joined.count("\0") != len(texts) - 1:
        return texts
    alike = joined.encode(errors="surrogatepass").translate(_DIGITS_ALIKE)
    return alike.decode(errors="surrogatepass").split("\0")


def _encoded_blocks(text: str, size: int) -> Iterator[bytes]:
    """`text` as UTF-8, in blocks of at least `size` characters."""
    at = 0
    while at < len(text):
        end = at + size
        if "\ud800" <= text[end - 1 : end] <= "\udbff":
            end += 1  # the other half of a pair must come along
        block = text[at:end]
        try:
            yield block.encode()
        except UnicodeEncodeError:
            # As tiktoken does: pairs become the character they stand for, single ones U+FFFD.
            yield block.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
        at = end


def _told(blocks: Iterable[bytes], advance: Callable[[int], object]) -> Iterator[bytes]:
    for block in blocks:
        advance(len(block))
        yield block


def _decoded(blocks: Iterable[bytes]) -> Iterator[str]:
    decoder = getincrementaldecoder("utf-8")("replace")
    for block in blocks:
        yield decoder.decode(block.translate(_DIGITS_ALIKE))
    yield decoder.decode(b"", final=True)


def _count_blocks(blocks: Iterable[bytes], name: str, size: int) -> int:
    count_part = _counter(name, built(name).encode_ordinary)
    parts = chunks(_decoded(blocks), size)
    part = next(parts, "")  # what most cells are
    tokens = count_part(part)
    if (following := next(parts, None)) is None:
        return tokens
    from .recurring import count_while_lines_recur

    counted = tokens + count_while_lines_recur(chain([following], parts), count_part)
    if (following := next(parts, None)) is None:
        return counted
    rest = chain([following], parts)
    if encode := faster(name, part, tokens):
        return counted + sum(map(_counter(name, encode), rest))
    return counted + sum(spread(count_part, rest))


def _counter(name: str, encode: Callable[[str], Sized]) -> Callable[[str], int]:
    return lambda text: len(encode(text)) if len(text) <= _LONGEST else count_by_pieces(text, name)
