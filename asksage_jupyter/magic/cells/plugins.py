"""The values of a plugin's cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...display.plain import shown
from ...errors import BadInput, BadKey, NotReached, ServiceError
from ...prompting import expand
from ...session.near import near
from .scope import scope

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ...prompting import CellOptions
    from ...service import Plugin
    from ...session import Session


def values_of(shell: InteractiveShell, session: Session, options: CellOptions, body: str) -> dict[str, str]:
    """The values of a plugin's cell: those on its line, and the lines below for the one that is left.

    Raises
    ------
    BadInput
        There is no such plugin, or its values are others; the message lists them.
    """
    text = body.strip("\n")
    given = dict(options.given)
    if (plugin := _offered(session, options.plugin or "")) is not None and plugin.parameters:
        if unknown := given.keys() - set(plugin.parameters):
            raise BadInput(
                f"{plugin.name} has no value {min(unknown)!r}; it takes {', '.join(plugin.parameters)}"
            )
        missing = [name for name in plugin.parameters if name not in given]
        if text.strip() and len(missing) == 1:
            given[missing.pop()] = text
            text = ""
        if missing:
            raise BadInput(
                f"{plugin.name} still needs {', '.join(missing)}: write name=value on the line, or the last "
                f"value on the lines below"
            )
    if text.strip():
        raise BadInput(
            f"{options.plugin} has no value left for the lines below: write name=value on the line"
        )
    names = scope(shell)
    return {name: expand(value, *names) for name, value in given.items()}


def _offered(session: Session, name: str) -> Plugin | None:
    """The plugin of that name; None where the tenant does not list its plugins."""
    try:
        listed = session.asking(lambda service: service.plugins())
    except (BadKey, NotReached):
        raise
    except ServiceError:
        return None
    for plugin in listed:
        if plugin.name == name:
            return plugin
    there = [plugin.name for plugin in listed]
    hint = near(name, dict(zip(there, there, strict=True)))
    raise BadInput(f"no plugin {shown(name)} here.{hint} %asksage plugins lists them all.")
