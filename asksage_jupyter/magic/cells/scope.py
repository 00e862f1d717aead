"""The variables that a magic sees: those of the function that called it, then the notebook's."""

from __future__ import annotations

import sys
from collections import ChainMap
from inspect import CO_OPTIMIZED
from typing import TYPE_CHECKING, Any

from ...errors import BadInput

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


def not_hidden(shell: InteractiveShell, name: str | None) -> None:
    """Refuse a variable that IPython put into the namespace and the person has not made their own.

    Raises
    ------
    BadInput
    """
    absent = object()
    hidden = shell.user_ns_hidden.get(name, absent)
    if name and hidden is not absent and shell.user_ns.get(name, hidden) is hidden:
        raise BadInput(f"-o/--output: {name!r} is a name of IPython's own: take another. Nothing was sent.")
