"""Counts of any amount of text, chunk by chunk."""

from __future__ import annotations

import os
from codecs import getincrementaldecoder
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadInput
from .cuts import chunks
from .encodings import encoding as built
from .pieces import count_by_pieces

if TYPE_CHECKING:
    from concurrent.futures import Future

_CHUNK = 1 << 17  # characters: large enough to be fast, small enough that memory does not matter
# tiktoken's regular expressions give up, with an exception outside of Exception and a backtrace on stderr,
# at about 1,000,000 characters of white space in a row. Nothing longer than this is handed to them.
_LONGEST = 2 * _CHUNK


def count(text: str | bytes, encoding: str = "cl100k_base", *, chunk: int = _CHUNK) -> int:
    """How many model tokens `text` is, exactly as tiktoken's ``encode_ordinary`` would count them.

    Any length is counted in a few MB over the text itself; only a stretch without a place to cut (a run
    of one letter, of one script without spaces, of white space) is held whole, at 1 to 4 bytes a
    character. Large texts are counted on several cores.

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
        blocks = _clean_blocks(text, chunk)
    else:
        blocks = _decoded(text[at : at + chunk] for at in range(0, len(text), chunk))
    return _count_blocks(blocks, encoding, chunk)


def count_file(path: Path, encoding: str = "cl100k_base", *, chunk: int = _CHUNK) -> int:
    """How many model tokens the file at `path` is, read in blocks as UTF-8; otherwise as `count`.

    Raises
    ------
    BadInput
        The file cannot be read, or `encoding` is unknown.
    ConfigurationError
        The encoding's data file is damaged.
    """
    try:
        with Path(path).open("rb") as file:
            return _count_blocks(_decoded(iter(lambda: file.read(chunk), b"")), encoding, chunk)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from None


def _clean_blocks(text: str, size: int) -> Iterator[str]:
    """`text` in blocks of at least `size` characters, without surrogates."""
    at = 0
    while at < len(text):
        end = at + size
        if "\ud800" <= text[end - 1 : end] <= "\udbff":
            end += 1  # the other half of a pair must come along
        block = text[at:end]
        try:
            block.encode()
        except UnicodeEncodeError:
            # As tiktoken does: pairs become the character they stand for, single ones U+FFFD.
            block = block.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        yield block
        at = end


def _decoded(blocks: Iterable[bytes]) -> Iterator[str]:
    decoder = getincrementaldecoder("utf-8")("replace")
    for block in blocks:
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def _count_blocks(blocks: Iterable[str], name: str, size: int) -> int:
    encoder = built(name)

    def tokens_of(text: str) -> int:
        if len(text) > _LONGEST:
            return count_by_pieces(text, name)
        return len(encoder.encode_ordinary(text))

    parts = chunks(blocks, size)
    first = list(islice(parts, 2))
    if len(first) < 2:  # what most cells are: no threads for these
        return sum(map(tokens_of, first))
    return _sum_in_threads(tokens_of, chain(first, parts))


def _sum_in_threads(tokens_of: Callable[[str], int], parts: Iterable[str]) -> int:
    """The sum over `parts`, with a bounded number of them in memory. tiktoken releases the GIL."""
    from concurrent.futures import ThreadPoolExecutor

    total = 0
    workers = min(4, os.cpu_count() or 1)
    pending: deque[Future[int]] = deque()
    with ThreadPoolExecutor(workers, "asksage-count") as pool:
        for part in parts:
            if len(pending) > 2 * workers:
                total += pending.popleft().result()
            pending.append(pool.submit(tokens_of, part))
        return total + sum(future.result() for future in pending)
