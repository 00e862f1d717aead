"""The one endpoint of this process, for as long as the process lives."""

from __future__ import annotations

import atexit
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .endpoint import Endpoint

_here: Endpoint | None = None


def here() -> Endpoint | None:
    """The one that runs; None where none does."""
    return _here


def start_here(name: str = "") -> Endpoint:
    """The one that runs, else a new one; raises as `Endpoint` does."""
    global _here
    if _here is None:
        from .endpoint import Endpoint

        _here = Endpoint(name=name)
        atexit.register(stop_here)  # a kernel that ends leaves no key's file behind
    return _here


def stop_here() -> bool:
    """End it, and take its variables back; returns whether there was one."""
    global _here
    if _here is None:
        return False
    for name, value in _here.environment.items():
        if os.environ.get(name) == value:
            del os.environ[name]
    atexit.unregister(stop_here)
    _here.close()
    _here = None
    return True


def _forget() -> None:
    """In a forked child: it is the parent's."""
    global _here
    if _here is not None:
        _here.let_go()
        _here = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
