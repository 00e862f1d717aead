"""Which front end asked, and what it can do: it has to say so, for nothing tells what it drops."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from IPython.core.displaypub import CapturingDisplayPublisher, DisplayPublisher

if TYPE_CHECKING:
    from collections.abc import Mapping

    from IPython.core.interactiveshell import InteractiveShell


def request(shell: InteractiveShell) -> Mapping[str, Any]:
    """The message that the kernel works on; empty outside of a kernel."""
    kernel = getattr(shell, "kernel", None)
    return (kernel.get_parent("shell") or {}) if kernel is not None else {}


def cell_id(shell: InteractiveShell) -> str | None:
    """The id of the cell that asked, as a notebook tells it with its request; None where nobody does."""
    cell = _metadata(shell).get("cellId")
    return cell if isinstance(cell, str) and cell else None


def keeps_one(shell: InteractiveShell) -> bool:
    """Whether the cell that asked has our front end's mark: it keeps one cell of code, the last."""
    return isinstance(_metadata(shell).get("asksage"), dict)


def _metadata(shell: InteractiveShell) -> Mapping[str, Any]:
    return request(shell).get("metadata") or {}


def can_replace(shell: InteractiveShell) -> bool:
    """Whether an output that is shown can be replaced: a notebook asked, and shows it itself.

    Consoles, recorders and widgets keep an output as it first came, and say nothing of it.
    """
    return cell_id(shell) is not None and not is_captured(shell) and not _is_in_widget(shell)


def is_terminal(shell: InteractiveShell) -> bool:
    """Whether what is shown is printed, word after word as it comes."""
    publisher = shell.display_pub
    return type(publisher) is DisplayPublisher and not getattr(shell, "mime_renderers", None)


def is_captured(shell: InteractiveShell) -> bool:
    """Whether a ``%%capture`` takes what is shown."""
    return isinstance(shell.display_pub, CapturingDisplayPublisher)


def agrees(question: str) -> bool:
    """Whether the person says yes; where the front end lets nobody be asked, nobody does."""
    try:
        answer = input(question)
    except (EOFError, OSError, NotImplementedError):  # IPython's own for a kernel without input is the last
        return False
    return answer.strip().lower() in ("y", "yes")


def _is_in_widget(shell: InteractiveShell) -> bool:
    """Whether an ``ipywidgets.Output`` takes what this request shows."""
    if "ipywidgets" not in sys.modules:
        return False
    from ..widget.output import is_in_output

    return is_in_output(shell)
