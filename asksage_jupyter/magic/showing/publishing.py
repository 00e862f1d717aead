"""How anything comes below a cell; what was paid for is printed where the display fails."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.display import display

from ...display.plain import plain

if TYPE_CHECKING:
    from .bundles import Bundle


def surely(data: Bundle, show: Callable[[Bundle], object]) -> None:
    """Publish what was paid for; print it where the display fails."""
    try:
        show(data)
    except Exception as error:  # noqa: BLE001  whatever it is, the reply comes first
        sys.stdout.write(plain(data["text/plain"]) + "\n")
        warnings.warn(f"this could only be printed: {error}", stacklevel=3)


def publish(data: Bundle, **how: Any) -> Any:
    """Show it below the cell."""
    return display(plained(data), raw=True, **how)  # type: ignore[no-untyped-call]


def plained(data: Bundle) -> Bundle:
    """The same without what a terminal or a page would obey."""
    return {kind: plain(text) for kind, text in data.items()}
