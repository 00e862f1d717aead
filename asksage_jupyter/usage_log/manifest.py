"""Which months of an account are sealed, in which files, and at which state of the ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from ..beside import read, write

_FORMAT = 2  # of the seals as well: another one is no seal

Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Seal:
    """A closed month's calls in a file.

    Attributes
    ----------
    file : str or None
        Its name; None for a month without calls.
    calls : int
    digest : str
        SHA-256 of the file, in hex.
    stamp : tuple of int
        The file's inode, size and times when it had this digest: while they are the same it is not read
        again to be checked, as Git does with a working tree.
    """

    file: str | None = None
    calls: int = 0
    digest: str = ""
    stamp: Stamp = (0, 0, 0, 0)


@dataclass(slots=True)
class Manifest:
    """The sealed months of an account.

    Attributes
    ----------
    account : list of str
        Host and holder.
    chains : dict of int to (int, str)
        Where each of the ledger's chains stood when the seals were last compared with it.
    months : dict of str to Seal
        By months of UTC, like ``"2026-10"``, and by days of the one that goes on, like ``"2026-11-05"``.
    """

    account: list[str]
    chains: Mapping[int, tuple[int, str]] = field(default_factory=dict)
    months: dict[str, Seal] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, account: list[str]) -> Self:
        """The manifest at `path`; an empty one where there is none, or one that cannot be trusted."""
        try:
            kept = read(path)
            if kept["check"] != _check(kept["seals"]) or kept["seals"]["format"] != _FORMAT:
                return cls(account)
            seals = kept["seals"]
            if seals["account"] != account:
                return cls(account)
            return cls(
                account,
                {int(grant): (seq, hashed) for grant, (seq, hashed) in seals["chains"].items()},
                {
                    period: Seal(seal["file"], seal["calls"], seal["digest"], tuple(seal["stamp"]))
                    for period, seal in seals["months"].items()
                },
            )
        except (ValueError, TypeError, LookupError, AttributeError):
            return cls(account)

    def write(self, path: Path) -> None:
        """Put it at `path` as a whole or not at all.

        Raises
        ------
        OSError
        """
        seals = {"format": _FORMAT, **asdict(self)}
        seals = json.loads(json.dumps(seals))  # as it will be read
        write(path, {"check": _check(seals), "seals": seals})


def stamp_of(path: Path) -> Stamp:
    """What the system tells of a file without reading it.

    Raises
    ------
    OSError
    """
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def digest_of(path: Path) -> str:
    """SHA-256 of a file.

    Raises
    ------
    OSError
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def new_file(folder: Path) -> Path:
    """A new file that nobody else reads or writes.

    Raises
    ------
    OSError
    """
    path = folder / f"{uuid4().hex}.tmp"
    path.touch(0o600, exist_ok=False)
    return path


def _check(seals: Any) -> str:
    return hashlib.sha256(json.dumps(seals, sort_keys=True).encode()).hexdigest()
