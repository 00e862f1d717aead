"""The id of a move, made by the client before anything is sent."""

from __future__ import annotations

import os
import time
from uuid import UUID


def new_op() -> str:
    """Make a UUIDv7: 36 characters, in the order of their making to a quarter of a microsecond.

    RFC 9562, section 6.2, method 3: the 12 bits after the milliseconds hold their fraction.
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = nanoseconds * 4096 // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") >> 2
    return str(UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | random))
