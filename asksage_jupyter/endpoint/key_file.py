"""The key of a run in a file, whole or not at all, for this person's eyes only."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from ..errors import BadInput
from ..session import given


def write(path: str, key: str) -> Path:
    """Put it there, in place of what was there.

    Raises
    ------
    BadInput
        It cannot be written; what was there stays.
    """
    kept = given.path(path, "the key's file").absolute()
    try:
        handle, draft = tempfile.mkstemp(dir=kept.parent, prefix=f".{kept.name}.")  # mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(f"{key}\n")
            Path(draft).replace(kept)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise BadInput(f"the key cannot be written to {kept}: {error.strerror or error}") from None
    return kept


def remove(path: Path, key: str) -> None:
    """Take it away, unless another run's is there by now."""
    with suppress(OSError, ValueError):
        if path.read_text(encoding="utf-8").strip() == key:
            path.unlink()
