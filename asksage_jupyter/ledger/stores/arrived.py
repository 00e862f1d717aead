"""Which calls without a bill had their whole reply, kept on this machine until the bill is found.

The service's log tells what a call came to, not whether its reply arrived: that only the kernel knows which
asked, and any process may find the bill. An empty file a call, named after its op: made and taken away whole,
by kernels side by side. Only a label hangs on it, so no trouble with a disk is told.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from .place import make_file

if TYPE_CHECKING:
    from pathlib import Path


class Arrived:
    """The replies that arrived before their bills, of one ledger.

    Parameters
    ----------
    outbox : Path
        The ledger's; they lie beside it.
    """

    def __init__(self, outbox: Path) -> None:
        self._folder = outbox.with_suffix(".arrived")

    def add(self, op: str) -> None:
        """Note that the call's whole reply is there."""
        with suppress(OSError):
            make_file(self._folder / op)

    def __contains__(self, op: str) -> bool:
        """Whether that was noted."""
        try:
            return (self._folder / op).exists()
        except OSError:
            return False

    def remove(self, op: str) -> None:
        """Forget it: the bill is booked."""
        with suppress(OSError):
            (self._folder / op).unlink(missing_ok=True)
