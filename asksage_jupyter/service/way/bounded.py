"""A response's bytes as they arrive, within bounds: a service must fill neither the memory nor the day."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from functools import partial

import httpx

from .deadline import left_s

LARGEST = 32 * 2**20  # bytes: of a whole body, and of one piece of a stream
LONGEST_TEXT = 2 * 2**20  # characters of a streamed reply; four times what any model writes at once
_PATIENCE = 12  # times the seconds that may pass without a byte
_STEP = 2**20  # bytes unpacked at once

# In a request's extensions: its reply is read piece by piece, and may be of any size.
STREAMED = "asksage_streamed"
# The same: it costs nothing, and ends with the time that it and its kind have together.
FREE = "asksage_free"


class OutOfBounds(httpx.ReadError):
    """More was sent than an honest reply needs, or for longer."""


def within(size: int) -> None:
    """Refuse what has grown too large.

    Raises
    ------
    OutOfBounds
    """
    if size > LARGEST:
        raise OutOfBounds(f"it is larger than {LARGEST // 2**20} MiB")


def bound(response: httpx.Response) -> None:
    """Put an opened response's bytes within bounds; a hook of httpx's.

    Reading it then raises `OutOfBounds` when it is too large, or does not end in time however steadily it
    comes. It is unpacked here: httpx unpacks all that a read brings, however much that becomes.
    """
    coding = response.headers.pop("content-encoding", "identity").strip().lower()
    wait_s = response.request.extensions.get("timeout", {}).get("read") or 0.0
    streamed = response.request.extensions.get(STREAMED, False)
    source: httpx.SyncByteStream = response.stream  # type: ignore[assignment]
    seconds = _PATIENCE * wait_s
    if FREE in response.request.extensions:
        seconds = min(seconds, left_s())
    response.stream = _Bounded(source, coding, seconds, streamed=streamed)


class _Bounded(httpx.SyncByteStream):
    """The bytes of `source`, unpacked, at most 1 MiB at a time where they are packed."""

    def __init__(self, source: httpx.SyncByteStream, coding: str, seconds: float, *, streamed: bool) -> None:
        self._source, self._coding, self._seconds, self._streamed = source, coding, seconds, streamed

    def __iter__(self) -> Iterator[bytes]:
        end, size = time.monotonic() + self._seconds, 0
        unpack = _unpacker(self._coding)
        for arrived in self._source:
            for data in unpack(arrived):
                size += len(data)
                if not self._streamed:
                    within(size)
                yield data
            if time.monotonic() > end:
                raise OutOfBounds(f"it did not end within {self._seconds:,.0f} s")

    def close(self) -> None:
        self._source.close()


def _unpacker(coding: str) -> Callable[[bytes], Iterator[bytes]]:
    if coding in ("identity", ""):
        return lambda data: iter((data,))
    if coding not in ("gzip", "deflate"):
        raise httpx.DecodingError("it is packed in a way that was not asked for")
    return partial(_unpacked, zlib.decompressobj(wbits=zlib.MAX_WBITS | 32))


def _unpacked(unpacker: zlib._Decompress, packed: bytes) -> Iterator[bytes]:
    while packed and not unpacker.eof:
        try:
            yield unpacker.decompress(packed, _STEP)
        except zlib.error:
            raise httpx.DecodingError("it cannot be unpacked") from None
        packed = unpacker.unconsumed_tail
