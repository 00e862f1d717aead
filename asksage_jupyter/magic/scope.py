"""The variables that a magic sees: those of the function that called it, then the notebook's."""

from __future__ import annotations

import sys
from collections import ChainMap
from inspect import CO_OPTIMIZED
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from IPython.core.interactiveshell import InteractiveShell

_BETWEEN = ("IPython", "ipykernel", "decorator", __name__.partition(".")[0])
_WITHIN = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")


def scope(shell: InteractiveShell) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """All that ``{name}`` may mean where the magic stands, and what of it IPython put there itself.

    IPython's own ``needs_local_scope`` tells it to line magics alone.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in _BETWEEN:
        frame = frame.f_back
    maps: list[Any] = []
    while frame is not None and frame.f_code.co_flags & CO_OPTIMIZED:
        maps.append(frame.f_locals)
        frame = frame.f_back if frame.f_code.co_name in _WITHIN else None
    return ChainMap(*maps, shell.user_ns), shell.user_ns_hidden
