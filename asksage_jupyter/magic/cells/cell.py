"""``%%asksage``: build the query, show the reply as it arrives, keep it, show what it cost."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ...display.plain import plain
from ...errors import BadInput, Interrupted, ReplyLost
from ...prompting import CellOptions, cell_parser, expand, parse_cell, unfilled
from ...session import booked, build_query, chosen_model, current
from ..showing import next_cell, show
from ..showing.bundles import parsed
from ..showing.fences import first_block
from ..showing.screen import STREAMED, Screen, screen_for
from .plugins import values_of
from .scope import not_hidden, scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from ...session import Reply, Session


def run(shell: InteractiveShell, line: str, body: str, session: Session | None = None) -> None:
    """Do what a ``%%asksage`` cell says.

    Parameters
    ----------
    line, body : str
        The first line without the magic's name, and the lines below it.
    session : Session, optional
        The kernel's when absent.

    Raises
    ------
    AskSageError
        As of `sage.ask`; what of a reply had arrived is shown and in the ``-o`` variable.
    BadInput
        An option that is not allowed: nothing was sent. Or ``-f json`` and the reply is not JSON: it was
        debited, and its text is shown and kept.
    """
    options = parse_cell(line)
    if options.help:
        show.tell(cell_parser().describe())
        return
    not_hidden(shell, options.output)
    with booked(options.project, dict(options.tag)):
        _run(shell, session or current(), options, body)


def _run(shell: InteractiveShell, session: Session, options: CellOptions, body: str) -> None:
    if options.compare:
        from .comparing import run as run_comparison

        run_comparison(shell, session, options, body)
        return
    if options.map is not None:
        from .mapping import run as run_map

        run_map(shell, options, body)
        return
    names = scope(shell)
    if options.plugin is None:
        from ...session.asking import prompt
        from ...session.asking.replay import wanted

        query = build_query(session, expand(body.strip("\n"), *names), options.model, options.of_call)
        other = [replace(query, model=options.otherwise)] if options.otherwise is not None else []
        estimates = [partial(prompt.price, session, each) for each in (query, *other)]
        ask = partial(
            prompt.ask,
            session,
            query,
            otherwise=options.otherwise,
            replay=wanted(session, query, options.replay, fresh=options.fresh),
        )
    else:
        from ...session.asking.plugins import price_plugin, run_plugin

        model = chosen_model(session, options.model)
        asked = (session, options.plugin, values_of(shell, session, options, body), model)
        estimates, ask = [partial(price_plugin, *asked)], partial(run_plugin, *asked)
    notice = unfilled(body, *names)
    if options.estimate:
        for found in [estimate() for estimate in estimates]:
            show.present(found)
        if notice:
            show.notify(notice)
    else:
        _ask(shell, session, ask, options, notice)


def _ask(
    shell: InteractiveShell,
    session: Session,
    ask: Callable[..., Reply],
    options: CellOptions,
    notice: str | None,
) -> None:
    """Send it and show what comes of it, the whole reply or the part that arrived."""
    format = options.format or session.settings.format
    streamed = options.stream and format in STREAMED and options.plugin is None
    screen = screen_for(shell, format if _fits(shell, format) else "markdown", streamed=streamed)
    try:
        reply = ask(limit=options.max_tokens, **({"on_text": screen} if streamed else {}))
    except Interrupted as stopped:
        if not stopped.reply.held:
            raise  # nothing was sent, and the error says it all
        _keep(shell, options.output, stopped.reply.text)
        _show_part(screen, stopped.reply.text)
        show.receipt(stopped.reply, notice)
        raise Interrupted(stopped.reply, show.STOPPED) from None
    except ReplyLost as lost:
        _keep(shell, options.output, lost.text)
        if lost.text:  # else the error says it all
            screen.finish(lost.text)
        raise
    _deliver(shell, screen, reply, format, options.output, notice)


def _deliver(
    shell: InteractiveShell,
    screen: Screen,
    reply: Reply,
    format: str,
    output: str | None,
    notice: str | None,
) -> None:
    """Keep the whole reply before it is shown, so that no display can cost it."""
    value, trouble, of_code = reply.text, None, None
    if format == "json":
        try:
            value = parsed(reply.text)
        except ValueError as error:
            trouble = f"the reply is not JSON ({error}); its text is shown above"
            trouble += f" and in {output}" if output else ""
    _keep(shell, output, value)
    screen.finish(reply.text)
    if format == "code":
        of_code = _insert(shell, first_block(reply.text))
    show.receipt(reply, of_code, notice)
    if trouble:
        raise BadInput(trouble)


def _fits(shell: InteractiveShell, format: str) -> bool:
    """Whether the format shows the reply here: code is folded away only where a new cell holds it."""
    return format != "code" or next_cell.can_insert(shell)


def _insert(shell: InteractiveShell, code: str | None) -> str | None:
    """Put the code into the next cell; what is to be said of it, if anything."""
    if code is None:
        return "There is no code block in the reply."
    return next_cell.insert(shell, plain(code))


def _show_part(screen: Screen, text: str) -> None:
    if text:
        screen.finish(text)


def _keep(shell: InteractiveShell, name: str | None, value: Any) -> None:
    if name:
        shell.push({name: value})  # type: ignore[no-untyped-call]
