"""Which notebook and which cell a call comes from, as the kernel was told; never guessed."""

from __future__ import annotations

import os
from collections.abc import Callable


def _untold() -> str | None:
    return None


_cell: Callable[[], str | None] = _untold


def tell_cell(of_request: Callable[[], str | None] | None) -> None:
    """Let `of_request` tell the id of the cell under way, as the magic can, which knows the kernel."""
    global _cell
    _cell = of_request or _untold


def cell() -> str | None:
    """The id of the cell under way; None where nobody tells."""
    return _cell()


def notebook() -> str | None:
    """The path of this kernel's notebook, as Jupyter Server sets it; None where it does not."""
    return os.environ.get("JPY_SESSION_NAME")
