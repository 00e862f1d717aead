"""Uploads that go on at the service, kept on this machine: whoever comes next finds them again."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

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
        except FileNotFoundError:
            return {}
        found: dict[str, UnderWay] = {}
        for line in lines:
            try:
                told = json.loads(line)
                if "job" in told:
                    ops, tokens = tuple(told["ops"]), tuple(told["tokens"])
                    found[told["mark"]] = UnderWay(told["mark"], told["job"], ops, tokens)
                else:
                    found.pop(told["mark"], None)
            except (ValueError, KeyError, TypeError):
                continue
        return found

    def begin(self, upload: UnderWay) -> None:
        """Remember one, durably.

        Raises
        ------
        OSError
        """
        self._write(asdict(upload))

    def end(self, mark: str) -> None:
        """It is over.

        Raises
        ------
        OSError
        """
        self._write({"mark": mark})

    def _write(self, told: dict[str, object]) -> None:
        # One write in append mode, as of the marks: kernels may do this side by side.
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, f"\n{json.dumps(told)}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
