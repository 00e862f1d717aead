"""``%%asksage --map``: the same asked of every row, with its report below the cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import BadInput, JobStopped
from ...prompting.tables import SCHEMAS
from ..showing import show
from .scope import scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from IPython.core.interactiveshell import InteractiveShell

    from ...mapping import MapEstimate, Mapped
    from ...prompting import CellOptions


_NOT_OF_ROWS = ("history", "file")


def run(shell: InteractiveShell, options: CellOptions, body: str) -> None:
    """Do what a ``%%asksage --map`` cell says.

    Raises
    ------
    AskSageError
        As of `asksage_jupyter.map`; of a map that ended before its end, what was answered is in the ``-o``
        variable, and `stopped` shows its report.
    """
    from ...mapping import Mapped

    names, _ = scope(shell)
    try:
        mapped = _mapped(names, options, body, estimate=options.estimate)
    except JobStopped as stopped:
        _keep(shell, stopped.result, options.output)
        raise
    if isinstance(mapped, Mapped):
        _keep(shell, mapped, options.output)  # before it is shown, so that no display can cost it
        show.present(mapped, show.bill(mapped.tokens))
    else:
        show.present(mapped)


def plan(names: Mapping[str, Any], options: CellOptions, body: str) -> MapEstimate:
    """What it would cost with these variables; nothing is sent.

    Raises
    ------
    BadInput, NoKey
        What it would be refused for.
    """
    priced: MapEstimate = _mapped(names, options, body, estimate=True)
    return priced


def _mapped(names: Mapping[str, Any], options: CellOptions, body: str, *, estimate: bool) -> Any:
    from ...mapping import map

    wanted = str if options.schema is None else SCHEMAS.get(options.schema)
    if wanted is None:
        wanted = _named(names, str(options.schema))
    call: dict[str, Any] = {
        name: value for name, value in options.of_call.items() if name not in _NOT_OF_ROWS
    }
    return map(
        _named(names, str(options.map)),
        body.strip("\n"),
        model=options.model,
        into=options.into or "reply",
        schema=wanted,
        budget=options.budget,
        sample=options.sample,
        estimate=estimate,
        fresh=options.fresh,
        when=options.when,
        variables=names,
        **call,
    )


def _named(names: Mapping[str, Any], name: str) -> Any:
    if name not in names:
        raise BadInput(f"there is no variable {name!r}. Nothing was sent.")
    return names[name]


def _keep(shell: InteractiveShell, mapped: Mapped, output: str | None) -> None:
    if output:
        shell.push({output: mapped})  # type: ignore[no-untyped-call]
