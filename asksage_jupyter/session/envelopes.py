"""The envelopes that a call must fit: of its project, notebook and job, of the run, of the block it is in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ..account import Envelope, Per
from ..display.plain import shown, storable
from ..errors import BadInput
from . import given, pyproject

if TYPE_CHECKING:
    from ..settings import AskSage

_TABLE = "[tool.asksage.envelopes]"
_KNOWN = ("project", "notebooks", "jobs")

_budgets: ContextVar[tuple[Envelope, ...]] = ContextVar("asksage_budgets", default=())


@contextmanager
def budget(tokens: int) -> Iterator[None]:
    """Let the calls of a block spend no more than so many Ask Sage tokens together.

    ::

        with asksage_jupyter.budget(20_000):
            for text in texts:
                asksage_jupyter.ask(f"Summarise: {text}")

    It is held call by call: the first that does not fit is refused, and nothing of it is sent. Blocks within
    blocks must both fit. Only the inference meter is bounded.

    Raises
    ------
    BadInput
        It is no number of tokens.
    """
    limit = given.whole(tokens, "a budget")
    envelope = Envelope("budget", _new_name(), limit, Per.ALL, f"budget({limit:,})")
    token = _budgets.set((*_budgets.get(), envelope))
    try:
        yield
    finally:
        _budgets.reset(token)


def within(settings: AskSage, notebook: str | None, job: str | None) -> tuple[Envelope, ...]:
    """The envelopes that an inference call of this notebook and job must fit.

    Raises
    ------
    ConfigurationError, BadInput
        A limit that cannot be read: no call goes by unbounded.
    """
    return (*_of_project(notebook, job), *_of_run(settings), *_budgets.get())


def _of_project(notebook: str | None, job: str | None) -> Iterator[Envelope]:
    """Those of the project's file."""
    limits, path = pyproject.table("envelopes")
    if path is None:
        return
    where = f"{_TABLE} of {path}"
    if unknown := set(limits).difference(_KNOWN):
        raise BadInput(f"{where}: {shown(min(unknown))} is not one of {', '.join(_KNOWN)}")
    if "project" in limits:
        yield _told("project", pyproject.project_name(path), limits["project"], where)
    for pattern, tokens in _named(limits, "notebooks", where).items():
        if notebook is not None and PurePath(notebook).match(pattern):
            yield _told("notebook", notebook, tokens, where)
            break  # the first that fits, as the file is read
    jobs = _named(limits, "jobs", where)
    if job is not None and job in jobs:
        yield replace(_told("job", job, jobs[job], where), per=Per.ALL)


def _of_run(settings: AskSage) -> Iterator[Envelope]:
    """That of the environment: of each kernel by itself, or of all that are given the same name."""
    name, _, limit = settings.envelope.rpartition("=")
    if limit:
        tokens = int(limit.replace(",", "").replace("_", ""))
        yield Envelope("run", storable(name) or _of_this_process(), tokens, Per.ALL, "ASKSAGE_ENVELOPE")


def _told(kind: str, name: str, tokens: object, where: str) -> Envelope:
    return Envelope(kind, storable(name), given.whole(tokens, f"{where}: {kind}"), told_by=where)


def _named(limits: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    found = limits.get(name, {})
    if not isinstance(found, Mapping):
        raise BadInput(f"{where}: {name} is a table of limits by name, not {shown(found)}")
    return found


@cache
def _of_this_process() -> str:
    return _new_name()


def _new_name() -> str:
    from ..ledger import new_op

    return new_op()
