"""Files that a person names: what stands in the way of them is told in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import BadInput


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Read a file in a block.

    Raises
    ------
    BadInput
        It cannot be read.
    """
    with _told(path, "read"):
        yield


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Write a file in a block.

    Raises
    ------
    BadInput
        It cannot be written.
    """
    with _told(path, "written"):
        yield


@contextmanager
def _told(path: Path, done: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadInput(f"{path} cannot be {done}: {error.strerror or error}") from None
