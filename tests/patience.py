"""How long a test waits for what surely comes: a busy machine is slow, not wrong."""

import time
from collections.abc import Callable

WAIT_S = 180


def soon(holds: Callable[[], object]) -> None:
    """Wait for what another thread or program does, where nobody tells the moment."""
    until = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)
