"""Whether who claimed a key still lives: a lock on a file, which the system lets go of with the process."""

from __future__ import annotations

import secrets
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from ...locks import give_back, opened, take

if TYPE_CHECKING:
    from typing import Self


class Owner:
    """One run, alive for every other, also of this process, until it is closed or its process dies.

    Parameters
    ----------
    folder : Path
        Where the lock files of the runs lie; made where it is missing.

    Attributes
    ----------
    name : str
        Under which it claims.
    """

    def __init__(self, folder: Path) -> None:
        self.name = secrets.token_hex(8)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / self.name
        self._file = opened(self._path)
        take(self._file, wait=False)

    def close(self) -> None:
        """Be alive no more."""
        # Taken away before it is let go: who finds no file finds nobody alive.
        with suppress(OSError):
            self._path.unlink()
        give_back(self._file)
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_alive(folder: Path, name: str) -> bool:
    """Whether the run of that name goes on, in whichever process of this machine."""
    path = folder / name
    try:
        with FileIO(path, "r+") as file:
            if not take(file, wait=False):
                return True
            with suppress(OSError):
                path.unlink()
            give_back(file)
    except FileNotFoundError:
        pass
    return False
