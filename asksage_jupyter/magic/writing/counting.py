"""What a front end asks while a prompt is written: how this kernel stands, and what it alone can count."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from ...display.plain import many
from ...errors import AskSageError, BadInput

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ...prompting import Cell, CellOptions
    from ...prompting.counted import Counted
    from ...session import Session

TARGET = "asksage_jupyter.count"


class _Sign(NamedTuple):
    """Stands among the kernel's comms, so that front ends see who would answer before they open one."""

    comm_id: str
    target_name: str = TARGET


class CountingComm:
    """Answers front ends that open a comm of `TARGET`, each once.

    Parameters
    ----------
    shell : InteractiveShell
        Where there is a kernel behind it; others have nobody that asks.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self._sign = _Sign(uuid4().hex)
        self._comms: Any = getattr(getattr(shell, "kernel", None), "comm_manager", None)
        if self._comms is not None:
            self._comms.register_target(TARGET, self._answer)
            self._comms.register_comm(self._sign)

    def close(self) -> None:
        """Answer nobody any more."""
        if self._comms is not None:
            with suppress(KeyError):  # each by itself: one may have been taken out by others
                self._comms.unregister_target(TARGET, self._answer)
            with suppress(KeyError):
                self._comms.unregister_comm(self._sign)

    def _answer(self, comm: Any, opened: dict[str, Any]) -> None:
        # It may come in a thread beside a cell that runs.
        try:
            source = opened["content"]["data"].get("source")
            told: dict[str, Any]
            if source is None:
                told = {"footing": footing_here()}
            else:
                told = {"counted": counted_of(self.shell, str(source))}
        except AskSageError as error:
            told = {"refused": str(error)}
        except Exception as error:  # noqa: BLE001  whoever waits is told something
            told = {"refused": f"it cannot be counted ({type(error).__name__}); --estimate tells why"}
        comm.send(told)
        comm.close()


def footing_here() -> dict[str, Any]:
    """What lines of this kernel said of every prompt in it.

    Raises
    ------
    AskSageError
        A limit or the ledger cannot be read.
    """
    from ...prompting.footing import Footing
    from ...session import current

    session = current()
    return Footing(tuple(session.settling.bounds.said()), session.settings.model).plain()


def counted_of(shell: InteractiveShell, source: str) -> dict[str, Any]:
    """What a kernel knows of a cell's price, in figures.

    Raises
    ------
    AskSageError
        What the cell would be refused for.
    """
    from ...prompting import cell_of, parse_cell
    from ...prompting.counted import Counted

    cell = cell_of(source)
    if cell is None or cell.magic != "asksage":
        return Counted().plain()
    options = parse_cell(cell.line)
    if options.map is not None:
        return _of_rows(shell, cell, options).plain()
    if options.plugin is not None:
        return _of_plugin(shell, cell, options).plain()
    return _of_prompt(shell, cell, options).plain()


def _of_prompt(shell: InteractiveShell, cell: Cell, options: CellOptions) -> Counted:
    from ...prompting.counted import Counted
    from ...prompting.price import beside
    from ...session import build_query, current
    from ...session.asking.shares import shares

    found = _variables(shell, cell.body)
    session = current()
    # Of a text and a model that stand for any: only what comes beside them is counted.
    alone = {"history": options.history, "file": options.file}
    parts = shares(build_query(session, "x", options.model or "x", alone))  # type: ignore[arg-type]
    for name in ("prompt", "system prompt", "persona"):
        parts.pop(name, None)
    history = {name: tokens for name, tokens in parts.items() if name == "history"}
    file = {name: tokens for name, tokens in parts.items() if name != "history"}
    for name in beside("", options):
        found.parts[name] = history if name.startswith("history ") else file
    is_kept = not found.left and _is_kept(shell, session, cell, options)
    return Counted(found.parts, found.as_is, found.left, is_kept=is_kept)


def _is_kept(shell: InteractiveShell, session: Session, cell: Cell, options: CellOptions) -> bool:
    """Whether the cell's own reply is kept, and would be shown again for nothing."""
    from ...prompting import expand
    from ...prompting.counted import is_plain
    from ...session import build_query
    from ...session.asking.replay import wanted

    model = options.model or session.settings.model
    if options.compare or options.estimate or not (model and cell.body.strip()):
        return False
    plain = {name: value for name, value in list(shell.user_ns.items()) if is_plain(value)}
    text = expand(cell.body.strip("\n"), plain, shell.user_ns_hidden)
    query = build_query(session, text, model, options.of_call)
    replay = wanted(session, query, options.replay, fresh=options.fresh)
    rate = session.pricing.rates.at_hand(model) if replay else None
    if replay is None or rate is None:
        return False
    return replay.would_find(replace(query, model=rate.model), session.account)


def _variables(shell: InteractiveShell, text: str) -> Counted:
    from ...prompting.braces import names_in, variables
    from ...prompting.counted import Counted, count_of

    known = variables(shell.user_ns, shell.user_ns_hidden)
    parts: dict[str, dict[str, int]] = {}
    left, as_is = {}, []
    for name in names_in(text):
        written = f"{{{name}}}"
        if name not in known:
            as_is.append(written)
        elif isinstance(counted := count_of(known[name]), str):
            left[written] = counted
        else:
            parts[written] = {"prompt": counted}
    return Counted(parts, tuple(as_is), left)


def _of_rows(shell: InteractiveShell, cell: Cell, options: CellOptions) -> Counted:
    """The plan of a map, where its rows are text and numbers."""
    from ...prompting.braces import variables
    from ...prompting.counted import Counted, is_plain

    known = variables(shell.user_ns, shell.user_ns_hidden)
    name = str(options.map)
    if name not in known:
        raise BadInput(f"there is no variable {name!r}")
    rows: Any = known[name]
    if not (all(map(is_plain, rows)) if type(rows) in (list, tuple) else is_plain(rows)):
        return Counted(left={name: f"{name} holds more than text and numbers: --estimate prices it"})
    from ..cells.mapping import plan

    wanted = {key: value for key, value in known.items() if is_plain(value)}
    if options.schema is not None and options.schema in shell.user_ns:
        wanted[options.schema] = shell.user_ns[options.schema]
    priced = plan(wanted | {name: rows}, options, cell.body)
    beside = f", {priced.replayed:,} answered before" if priced.replayed else ""
    calls = f"{many(priced.calls, 'call')} for {priced.rows:,} rows{beside}"
    return Counted(plan=(priced.low, priced.expected, priced.high), planned=calls)


def _of_plugin(shell: InteractiveShell, cell: Cell, options: CellOptions) -> Counted:
    """A plugin's price as `--estimate` has it, without asking the service which values it takes."""
    from ...prompting import expand
    from ...prompting.counted import Counted, is_plain
    from ...session import chosen_model, current
    from ...session.asking.plugins import price_plugin

    values = dict(options.given) | {"": cell.body.strip("\n")}
    text = "\n".join(values.values())
    found = _variables(shell, text)
    if found.left:
        return Counted(left={name: f"{name} {why}" for name, why in found.left.items()})
    plain = {name: value for name, value in list(shell.user_ns.items()) if is_plain(value)}
    session = current()
    filled = {name: expand(value, plain, shell.user_ns_hidden) for name, value in values.items() if value}
    price = price_plugin(session, str(options.plugin), filled, chosen_model(session, options.model))
    return Counted(plan=(price.low, price.expected, price.high), planned=price.basis)
