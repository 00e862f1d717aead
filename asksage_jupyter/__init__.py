"""The token meter for Ask Sage in Jupyter: every cell counted, held, sent, debited and listed.

In a notebook::

    %load_ext asksage_jupyter

    %%asksage
    Why is the sky blue?

From Python: `ask`, `estimate`, `train`, `balance`, `usage`, `panel`, `reconcile`, `statement`, `set_plan`,
`top_up`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .reconciling import reconcile as reconcile
    from .session import Reply as Reply
    from .session import ask as ask
    from .session import balance as balance
    from .session import estimate as estimate
    from .session import set_plan as set_plan
    from .session import top_up as top_up
    from .session import train as train
    from .statements import statement as statement
    from .usage_log import usage as usage
    from .widget import panel as panel

_HOMES = {
    "Reply": ".session",
    "ask": ".session",
    "balance": ".session",
    "estimate": ".session",
    "panel": ".widget",
    "reconcile": ".reconciling",
    "set_plan": ".session",
    "statement": ".statements",
    "top_up": ".session",
    "train": ".session",
    "usage": ".usage_log",
}
__all__ = [
    "Reply",
    "__version__",
    "ask",
    "balance",
    "estimate",
    "load_ipython_extension",
    "panel",
    "reconcile",
    "set_plan",
    "statement",
    "top_up",
    "train",
    "usage",
]


def __getattr__(name: str) -> Any:
    # Looked up when first used, so that `%load_ext` imports nothing heavy.
    if name == "__version__":
        from importlib.metadata import version

        return version("asksage_jupyter")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register ``%%asksage`` and ``%asksage``; no network, nothing heavy."""
    from .magic import register

    register(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take the completions and settings out again; the magics stay, as IPython keeps them."""
    from .magic import unregister

    unregister(shell)
