"""``%%asksage --map``: the same asked of every row, with its report below the cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import BadInput, JobStopped
from ..prompting.tables import SCHEMAS
from . import show
from .scope import scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from IPython.core.interactiveshell import InteractiveShell

    from ..mapping import Mapped
    from ..prompting import CellOptions


_NOT_OF_ROWS = ("history", "file")


def run(shell: InteractiveShell, options: CellOptions, body: str) -> None:
    """Do what a ``%%asksage --map`` cell says.

    Raises
    ------
    AskSageError
        As of `asksage_jupyter.map`; of a map that ended before its end, the report is shown, and what was
        answered is in the ``-o`` variable.
    """
    from ..mapping import Mapped, map

    names, _ = scope(shell)
    wanted = None if options.schema is None else SCHEMAS.get(options.schema) or _named(names, options.schema)
    call: dict[str, Any] = {
        name: value for name, value in options.of_call.items() if name not in ("history", "file")
    }
    try:
        mapped = map(
            _named(names, str(options.map)),
            body.strip("\n"),
            model=options.model,
            into=options.into or "reply",
            schema=wanted or str,
            budget=options.budget,
            sample=options.sample,
            estimate=options.estimate,
            fresh=options.fresh,
            when=options.when,
            variables=names,
            **call,
        )
    except JobStopped as stopped:
        _deliver(shell, stopped.result, options.output)
        raise
    if isinstance(mapped, Mapped):
        _deliver(shell, mapped, options.output)
    else:
        show.present(mapped)


def _named(names: Mapping[str, Any], name: str) -> Any:
    if name not in names:
        raise BadInput(f"there is no variable {name!r}. Nothing was sent.")
    return names[name]


def _deliver(shell: InteractiveShell, mapped: Mapped, output: str | None) -> None:
    """Keep it before it is shown, so that no display can cost it."""
    if output:
        shell.push({output: mapped})  # type: ignore[no-untyped-call]
    show.present(mapped)
