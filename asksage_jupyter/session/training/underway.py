"""Uploads that go on at the service, kept on this machine: whoever comes next finds them again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ...beside import append, parsed

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class UnderWay:
    """One upload under way.

    Attributes
    ----------
    mark : str
        As of `Uploads.mark`.
    job : str
        The service's id of it.
    ops, tokens : tuple
        Of the calls that are held for it, training first: their ids in the ledger and what they hold.
    """

    mark: str
    job: str
    ops: tuple[str, ...]
    tokens: tuple[int, ...]


class Register:
    """The uploads under way, in a file beside the marks that only its owner can read.

    Parameters
    ----------
    folder : Path
        The ledger's.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "uploads.jobs"

    def all(self) -> dict[str, UnderWay]:
        """Those that are not over, by mark; a line that a crash cut short is none."""
        try:
            lines = self._file.read_text("utf-8", "replace").splitlines()
        except OSError:
            return {}
        found: dict[str, UnderWay] = {}
        for line in lines:
            match parsed(line):
                case {"mark": str(mark), "job": str(job), "ops": list(ops), "tokens": list(tokens)}:
                    if all(isinstance(op, str) for op in ops) and all(isinstance(n, int) for n in tokens):
                        found[mark] = UnderWay(mark, job, tuple(ops), tuple(tokens))
                case {"mark": str(mark), **rest} if not rest:
                    found.pop(mark, None)
        return found

    def begin(self, upload: UnderWay) -> None:
        """Remember one, durably.

        Raises
        ------
        OSError
        """
        append(self._file, json.dumps(asdict(upload)))

    def end(self, mark: str) -> None:
        """It is over.

        Raises
        ------
        OSError
        """
        append(self._file, json.dumps({"mark": mark}))
