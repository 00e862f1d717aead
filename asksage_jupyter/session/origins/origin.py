"""Which notebook and which cell a call comes from, as the kernel was told; never guessed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from ...lazy import imported
from .renames import called_now

_TOLD = "JPY_SESSION_NAME"

_is_apart: ContextVar[bool] = ContextVar("asksage_is_apart", default=False)


def _untold() -> str | None:
    return None


_cell: Callable[[], str | None] = _untold


def tell_cell(of_request: Callable[[], str | None] | None) -> None:
    """Let `of_request` tell the id of the cell under way, as the magic can, which knows the kernel."""
    global _cell
    _cell = of_request or _untold


def cell() -> str | None:
    """The id of the cell under way; None where nobody tells, or who asks is no cell."""
    return None if _is_apart.get() else _cell()


@contextmanager
def apart() -> Iterator[None]:
    """Let what is asked within be no cell's, whichever runs meanwhile."""
    before = _is_apart.set(True)
    try:
        yield
    finally:
        _is_apart.reset(before)


def notebook(folder: Path) -> str | None:
    """The path of this kernel's notebook, as VS Code or Jupyter Server tells it; None where neither does.

    Parameters
    ----------
    folder : Path
        The ledger's, where renamings are noted.
    """
    if (in_vs_code := _in_vs_code()) is not None:
        return in_vs_code
    told = os.environ.get(_TOLD)
    if told is None or _is_inherited(told):
        return None
    started = _started()
    return told if started is None else called_now(folder, told, started)


def _in_vs_code() -> str | None:
    ipython = imported("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    path = shell.user_ns.get("__vsc_ipynb_file__") if shell is not None else None
    return path if isinstance(path, str) and path else None


@cache
def _started() -> int | None:
    """When this process began, in microseconds UTC; None where nobody tells."""
    try:
        import psutil  # type: ignore[import-untyped]  # ipykernel's own; it has no types
    except ModuleNotFoundError:
        return None
    try:
        return int(psutil.Process().create_time() * 1e6)
    except psutil.Error:
        return None


@cache
def _is_inherited(told: str) -> bool:
    """Whether the name is that of the notebook which started this kernel, as nbclient and papermill do.

    Jupyter Server tells its kernels a name that it does not have itself.
    """
    try:
        import psutil
    except ModuleNotFoundError:  # then this is no kernel
        return False
    try:
        starter = int(os.environ["JPY_PARENT_PID"]) if os.name == "posix" else os.getppid()
        return bool(psutil.Process(starter).environ().get(_TOLD) == told)
    except (KeyError, ValueError, OSError, psutil.Error):
        return False
