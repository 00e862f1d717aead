"""What a notebook is called by now: its kernel knows only the name it was started with.

Jupyter Server hears of a renaming, and its extension notes it in a file beside the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...beside import read, write

_FILE = "renames.json"
_KEPT = 200


@dataclass(frozen=True, slots=True)
class Rename:
    """One renaming.

    Attributes
    ----------
    old, new : str
        The notebook's file, as kernels are told it.
    at : int
        Microseconds UTC.
    """

    old: str
    new: str
    at: int


def note(folder: Path, old: str, new: str, at: int) -> None:
    """Remember that a notebook has another name from now on; what cannot be written is not remembered."""
    known = _known(folder)
    if old == new or (known and (known[-1].old, known[-1].new) == (old, new)):
        return  # the session and the file tell of the same one
    rows = [asdict(each) for each in (*known, Rename(old, new, at))][-_KEPT:]
    with suppress(OSError):
        write(folder / _FILE, rows)


def called_now(folder: Path, notebook: str, since: int) -> str:
    """What the notebook that had this name at the instant `since` is called now."""
    for each in _known(folder):
        if each.at >= since and each.old == notebook:
            notebook = each.new
    return notebook


def called_before(folder: Path, notebook: str, since: int, until: int) -> Iterator[tuple[str, int, int]]:
    """The names that this notebook had within the bounds, each with the time it had it; newest first."""
    for each in reversed(_known(folder)):
        if each.new == notebook and since < each.at < until:
            yield notebook, each.at, until
            notebook, until = each.old, each.at
    yield notebook, since, until


def calls_of(folder: Path, notebook: str, until: int) -> Callable[[str | None, int], bool]:
    """Whether a call from a notebook of a name, sent at an instant before `until`, was this one's."""
    names = tuple(called_before(folder, notebook, 0, until))
    return lambda name, sent_at: any(
        name == each and since <= sent_at < ended for each, since, ended in names
    )


def _known(folder: Path) -> list[Rename]:
    rows = read(folder / _FILE)
    found = map(_rename, rows if isinstance(rows, list) else [])
    return [each for each in found if each is not None]


def _rename(row: Any) -> Rename | None:
    match row:
        case {"old": str(old), "new": str(new), "at": int(at)}:
            return Rename(old, new, at)
    return None
