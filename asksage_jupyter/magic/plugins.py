"""What the service does besides answering: plugins, personas, suggested questions."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from ..errors import BadInput, BadKey, NotReached, ServiceError
from ..session import current
from ..session.near import near
from . import show
from .braces import expand
from .checks import nothing_after
from .scope import scope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from IPython.core.interactiveshell import InteractiveShell

    from ..service import Plugin
    from ..session import Session
    from .options import CellOptions

_WIDTH = 104


def plugins(shell: InteractiveShell, rest: str) -> None:
    """List the plugins and the names of their values."""
    nothing_after("plugins", rest)
    listed = current().asking(lambda service: service.plugins())
    rows = [
        (f"{each.name} {' '.join(f'{name}=' for name in each.parameters)}".strip(), each.description)
        for each in listed
    ]
    show.tell(_listed(rows) if rows else "this Ask Sage offers no plugins")


def personas(shell: InteractiveShell, rest: str) -> None:
    """List the personas, those with `rest` in their name."""
    there = current().asking(lambda service: service.personas())
    listed = [each for each in there if rest.lower() in each.name.lower()]
    if not listed:
        raise BadInput(f"no persona has {rest!r} in its name; %asksage personas lists all")
    show.tell(_listed((f"{each.id}  {each.name}", each.description) for each in listed))


def follow_up(shell: InteractiveShell, rest: str) -> None:
    """Show the questions that the service suggests after this notebook's last reply."""
    nothing_after("follow-up", rest)
    reply = current().follow_up()
    show.tell("\n".join(f"- {line}" for line in reply.text.splitlines()) or "Ask Sage suggests no questions.")
    show.receipt(reply)


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
    raise BadInput(f"no plugin {name!r} here.{hint} %asksage plugins lists them all.")


def _listed(rows: Iterable[tuple[str, str]]) -> str:
    """Names with their descriptions below, each shortened to a line."""
    lines = []
    for name, description in rows:
        lines.append(name)
        if description.strip():
            lines.append(f"    {textwrap.shorten(description, _WIDTH, placeholder=' ...')}")
    return "\n".join(lines)
