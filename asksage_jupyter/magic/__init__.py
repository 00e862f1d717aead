"""``%%asksage``, ``%%asksage_train`` and ``%asksage``: options, completion, display.

Knows no SQL, no HTTP, no arithmetic. What stands behind the names is imported at first use, so that
``%load_ext`` stays light.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from IPython.core.magic import no_var_expand

from ..lazy import imported
from ..session import accompany, dismiss, forget
from ..session.asking.confirming import answer_by
from ..session.origins.origin import tell_cell
from ..session.waiting import tell_waiting
from ..settings import AskSage
from . import frames
from .front_end import agrees
from .idle import Idle, steps
from .showing.waiting import line_of
from .telling import stopped
from .threads import Cells
from .writing.completion import complete
from .writing.counting import CountingComm
from .writing.transform import Assigned, AssignedLine, transform

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..session import Session
    from .telling.forewarning import Forewarning
    from .telling.news import News

__all__ = ["register", "unregister"]

_PACKAGE = __name__.rpartition(".")[0]
_cells: Cells | None = None
_counting: CountingComm | None = None
_idle: Idle | None = None


def register(shell: InteractiveShell) -> None:
    """Give `shell` the magics, ``%config AskSage`` and Tab completion; harmless when repeated."""
    _give_magics(shell)
    _follow(shell)
    frames.attend(shell)
    tell_waiting(line_of(shell))
    answer_by(agrees)
    if stopped.after_cell not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", stopped.after_cell)
    accompany(_news)
    accompany(_forewarning)
    settings = AskSage.instance(parent=shell)
    if settings.parent is None:  # made before there was this shell
        settings.parent = shell
        settings.update_config(shell.config)
    for part, parts in _added(shell, settings):
        if part not in parts:
            parts.append(part)


def _give_magics(shell: InteractiveShell) -> None:
    # Options are literals: without this, IPython would put variables in for $name and {name}, and so change
    # a system prompt that speaks of money or of JSON.
    @no_var_expand
    def asksage(line: str, cell: str | None = None) -> None:
        """Ask a model through Ask Sage and debit what it cost; or see what is left.

        %%asksage [MODEL] [options]
        the prompt; {name} is replaced by your variable of that name

        %asksage [balance | usage | models | estimate | plan | train | login | panel | help | version ...]

        ``%asksage help`` says more.
        """
        if cell is None:
            from .cells.line import run

            run(shell, line)
        else:
            if _idle is not None:
                _idle.finish()
            from .cells.cell import run as run_cell

            run_cell(shell, line, cell)

    @no_var_expand
    def asksage_train(line: str, cell: str) -> None:
        """Upload the lines below to a dataset and debit what it cost.

        %%asksage_train NAME [options]
        the text, as it is

        ``%asksage help train`` says more.
        """
        from .cells.training import run

        run(line, cell)

    def result(line: str) -> object:
        """What `transform.Assigned` asks for."""
        from .cells.line import result

        return result(shell, line)

    asksage.result = result  # type: ignore[attr-defined]
    shell.register_magic_function(asksage, "line_cell", "asksage")  # type: ignore[arg-type]
    shell.register_magic_function(asksage_train, "cell", "asksage_train")  # type: ignore[arg-type]


def unregister(shell: InteractiveShell) -> None:
    """Take all of it out again: magics, settings, completion, and what goes along with the session."""
    for name, kinds in (("asksage", ("line", "cell")), ("asksage_train", ("cell",))):
        for kind in kinds:
            shell.magics_manager.magics[kind].pop(name, None)
        vars(shell.magics_manager.user_magics).pop(name, None)
    _follow(None)
    frames.dismiss(shell)
    tell_waiting(None)
    answer_by(None)
    with suppress(ValueError):  # whoever reset the events took it out already
        shell.events.unregister("post_run_cell", stopped.after_cell)
    dismiss(_news)
    dismiss(_forewarning)
    if (widget := imported(f"{_PACKAGE}.widget")) is not None:
        widget.put_away()
    if (endpoint := imported(f"{_PACKAGE}.endpoint")) is not None:
        endpoint.stop_here()
    forget()
    for part, parts in _added(shell, AskSage.instance()):
        if part in parts:
            parts.remove(part)


def _follow(shell: InteractiveShell | None) -> None:
    """Let `shell` tell from now on which cell asks and what a prompt holds; None: nobody does."""
    global _cells, _counting, _idle
    if _cells is not None and _counting is not None and _idle is not None:
        if _cells.shell is shell:
            return
        _cells.close()
        _counting.close()
        _idle.close()
    _cells = Cells(shell) if shell is not None else None
    _counting = CountingComm(shell) if shell is not None else None
    _idle = Idle(steps()) if shell is not None else None
    tell_cell(_cells.id if _cells is not None else None)


def _news(session: Session) -> News | None:
    """What compares the account with the service after use; None where the person wants none."""
    from IPython import get_ipython

    from .telling.news import News

    shell, every_s = get_ipython(), session.settings.reconcile_every_s
    return News(session, shell.events, every_s) if shell and every_s else None


def _forewarning(session: Session) -> Forewarning | None:
    """What warns after a cell that the month will not last."""
    from IPython import get_ipython

    from .telling.forewarning import Forewarning

    shell = get_ipython()
    return Forewarning(session, shell.events) if shell else None


def _added(shell: InteractiveShell, settings: AskSage) -> tuple[tuple[Any, list[Any]], ...]:
    """What is put into lists of IPython's, and the lists."""
    return (
        (settings, shell.configurables),
        (complete, shell.Completer.custom_matchers),
        (transform, shell.input_transformers_cleanup),
        (AssignedLine, shell.input_transformer_manager.token_transformers),
        (Assigned, shell.input_transformer_manager.token_transformers),
    )
