"""The envelopes that a call must fit, each with a chain in the ledger: of project, notebook, job and run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from operator import attrgetter
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from ..account import Envelope, Per
from ..display.plain import shown, storable
from ..errors import BadInput
from . import given
from .origins import pyproject

if TYPE_CHECKING:
    from pathlib import Path

    from ..settings import AskSage

_TABLE = "[tool.asksage.envelopes]"
_KNOWN = ("project", "notebooks", "jobs")

_said: dict[str, Envelope] = {}  # by their kinds, in this kernel
_of_block: ContextVar[tuple[Envelope, ...]] = ContextVar("asksage_envelopes", default=())


@contextmanager
def bounded(*envelopes: Envelope) -> Iterator[None]:
    """Let the calls of a block fit these too."""
    token = _of_block.set((*_of_block.get(), *envelopes))
    try:
        yield
    finally:
        _of_block.reset(token)


def within(
    settings: AskSage, notebook: str | None, job: str | None, folder: Path | None = None
) -> tuple[Envelope, ...]:
    """The envelopes that an inference call of this notebook and job must fit; of two for the same the least.

    Parameters
    ----------
    folder : Path, optional
        The kernel's working folder, for whoever is not in it.

    Raises
    ------
    ConfigurationError, BadInput
        A limit that cannot be read: no call goes by unbounded.
    """
    found = (*of_project(notebook, job, folder), *said(), *_of_run(settings), *_of_block.get())
    least: dict[tuple[str, str, Per], Envelope] = {}
    for each in sorted(found, key=attrgetter("is_soft", "tokens")):
        least.setdefault((each.kind, each.name, each.per), each)
    return tuple(least.values())


def say(envelope: Envelope) -> None:
    """Let the calls of this kernel fit an envelope from now on; another one of its kind takes its place."""
    _said[envelope.kind] = envelope


def said() -> tuple[Envelope, ...]:
    """What lines of this kernel said."""
    return tuple(_said.values())


def unsay(kind: str) -> bool:
    """Take back what was said of that kind; whether anything was."""
    return _said.pop(kind, None) is not None


def of_project(
    notebook: str | None, job: str | None = None, folder: Path | None = None
) -> Iterator[Envelope]:
    """Those of the file of the project that the folder, or the working folder, is in.

    Raises
    ------
    ConfigurationError, BadInput
        As of `within`.
    """
    limits, path = pyproject.table("envelopes", folder)
    if path is None:
        return
    where = f"{_TABLE} of {path}"
    try:
        yield from (replace(each, told_by=where) for each in _read(limits, path, notebook, job))
    except BadInput as error:  # what is wrong comes first: a path can be long, and a place for it short
        raise BadInput(f"{error}, in {where}") from None


def _read(limits: Mapping[str, Any], path: Path, notebook: str | None, job: str | None) -> Iterator[Envelope]:
    if unknown := set(limits).difference(_KNOWN):
        raise BadInput(f"{shown(min(unknown))} is not one of {', '.join(_KNOWN)}")
    if "project" in limits:
        yield _told("project", pyproject.project_name(path), limits["project"])
    for pattern, tokens in _named(limits, "notebooks").items():
        if notebook is not None and PurePath(notebook).match(pattern):
            yield _told("notebook", notebook, tokens)
            break  # the first that fits, as the file is read
    jobs = _named(limits, "jobs")
    if job is not None and job in jobs:
        yield replace(_told("job", job, jobs[job]), per=Per.ALL)


def _of_run(settings: AskSage) -> Iterator[Envelope]:
    """That of the environment which all kernels share that are given its name."""
    name, _, limit = settings.envelope.rpartition("=")
    if name:
        tokens = given.figure(limit)
        yield Envelope("run", storable(name), tokens, Per.ALL, "ASKSAGE_ENVELOPE")


def _told(kind: str, name: str, tokens: object) -> Envelope:
    return Envelope(kind, storable(name), given.whole(tokens, kind))


def _named(limits: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = limits.get(name, {})
    if not isinstance(found, Mapping):
        raise BadInput(f"{name} is a table of limits by name, not {shown(found)}")
    return found
