"""``%%asksage --compare``: several models side by side, while they reply and when they are done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import Interrupted
from ...prompting import expand, unfilled
from ...session.comparing.compare import compared, estimated, queries_for, together
from ..showing import show
from ..showing.bundles import side_by_side
from ..showing.screen import Screen, screen_for
from .scope import scope

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ...prompting import CellOptions
    from ...session import Comparison, Session


def run(shell: InteractiveShell, session: Session, options: CellOptions, body: str) -> None:
    """Do what a ``%%asksage --compare`` cell says.

    Raises
    ------
    AskSageError
        As of `compared`; the first model's where none replied. What had arrived is shown and in the ``-o``
        variable.
    """
    names = scope(shell)
    prompt, notice = expand(body.strip("\n"), *names), unfilled(body, *names)
    queries = queries_for(session, prompt, options.compare, options.of_call)
    if options.estimate:
        show.present(together(estimated(session, queries)))
        if notice:
            show.notify(notice)
        return
    screen = screen_for(shell, side_by_side, streamed=options.stream)
    on_change = screen if screen.live else None  # else a line tells of the waiting
    try:
        comparison = compared(
            session, queries, limit=options.max_tokens, streamed=options.stream, on_change=on_change
        )
    except Interrupted as stopped:
        if not (stopped.reply.held or stopped.reply.tokens):
            raise  # nothing was sent, and the error says it all
        _deliver(shell, screen, stopped.reply, options.output, notice)
        raise Interrupted(stopped.reply, show.STOPPED) from None
    _deliver(shell, screen, comparison, options.output, notice)
    if comparison.failure is not None:
        raise comparison.failure


def _deliver(
    shell: InteractiveShell,
    screen: Screen,
    comparison: Comparison,
    output: str | None,
    *notices: str | None,
) -> None:
    """Keep all replies before they are shown, so that no display can cost them."""
    if output:
        shell.push({output: comparison})  # type: ignore[no-untyped-call]
    screen.finish(comparison.columns)
    show.receipt(comparison, *notices)
