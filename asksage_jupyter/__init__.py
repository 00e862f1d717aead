"""The token meter for Ask Sage in Jupyter: every cell counted, held, sent, debited and listed.

In a notebook::

    %load_ext asksage_jupyter

    %%asksage
    Why is the sky blue?

From Python: `choose_model`, `ask`, `compare`, `map`, `what_if`, `estimate`, `notebook_cost`, `train`,
`booked`, `budget`, `balance`, `panel`, `usage`, `pace`, `explore`, `usage_chart`, `heatmap`, `top_chart`,
`estimate_chart`, `reconcile`, `statement`, `set_plan`, `top_up`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .lazy import lazily

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .charts import estimate_chart as estimate_chart
    from .charts import explore as explore
    from .charts import heatmap as heatmap
    from .charts import top_chart as top_chart
    from .charts import usage_chart as usage_chart
    from .mapping import map as map
    from .mapping import what_if as what_if
    from .pacing import pace as pace
    from .reconciling import reconcile as reconcile
    from .session import Comparison as Comparison
    from .session import Reply as Reply
    from .session import ask as ask
    from .session import balance as balance
    from .session import booked as booked
    from .session import budget as budget
    from .session import choose_model as choose_model
    from .session import compare as compare
    from .session import estimate as estimate
    from .session import notebook_cost as notebook_cost
    from .session import set_plan as set_plan
    from .session import top_up as top_up
    from .session import train as train
    from .statements import statement as statement
    from .usage_log import usage as usage
    from .widget import panel as panel

_find, __all__ = lazily(
    __name__,
    {
        ".session": "Comparison Reply ask balance booked budget choose_model compare estimate "
        "notebook_cost set_plan top_up train",
        ".charts": "estimate_chart explore heatmap top_chart usage_chart",
        ".mapping": "map what_if",
        ".pacing": "pace",
        ".widget": "panel",
        ".reconciling": "reconcile",
        ".statements": "statement",
        ".usage_log": "usage",
    },
    "__version__",
    "load_ipython_extension",
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("asksage_jupyter")
    return _find(name)


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register ``%%asksage`` and ``%asksage``; no network, nothing heavy."""
    from .magic import register

    register(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take all of it out again: magics, settings, completion, what runs along."""
    from .magic import unregister

    unregister(shell)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell Jupyter Server of the extension behind the sidebar."""
    from .server.app import AskSageServer

    return [{"module": __name__, "app": AskSageServer}]
