"""The one endpoint of this process, for as long as the process lives."""

from __future__ import annotations

import atexit
import os
from typing import TYPE_CHECKING

from ..forks import in_child

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

        _here = Endpoint(name=name, on_end=_take_back)
        atexit.register(stop_here)  # a kernel that ends leaves no key's file behind
    return _here


def stop_here() -> bool:
    """End it, and take its variables back; returns whether there was one."""
    if (there := _here) is None:
        return False
    there.close()
    return True


def _take_back() -> None:
    """It is over: the variables that lead to it go with it, unless they lead elsewhere by now."""
    global _here
    there, _here = _here, None
    if there is not None:
        atexit.unregister(stop_here)
        for name, value in there.environment.items():
            if os.environ.get(name) == value:
                del os.environ[name]


def _forget() -> None:
    """In a forked child: it is the parent's."""
    global _here
    if _here is not None:
        _here.let_go()
        _here = None


in_child(_forget)
