"""Small files beside the ledger, in which one process tells another what no ledger holds.

Whoever reads them takes nothing for granted: an older version, a crash or a hand may have written them.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from .account import Account


def read(path: Path) -> Any:
    """What is there as JSON; None where nothing is that can be read."""
    try:
        return parsed(path.read_bytes())
    except OSError:
        return None


def parsed(text: str | bytes) -> Any:
    """What a text says as JSON; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def write(path: Path, value: object) -> None:
    """Put `value` there as JSON, whole or not at all, and for this person's eyes only.

    Raises
    ------
    OSError
        It cannot be written; what was there stays.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{uuid4().hex}.tmp")
    try:
        with open(draft, "x", encoding="utf-8", opener=for_the_person_alone) as file:
            file.write(json.dumps(value, separators=(",", ":")))  # `dump` takes ten times as long
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


def append(path: Path, text: str) -> None:
    """Add lines, on the disk before this returns; several processes may do so side by side.

    Raises
    ------
    OSError
        They may be there or not.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(path, "ab", buffering=0, opener=for_the_person_alone) as file:
        # The line break ahead ends a line that a crash cut off.
        file.write(f"\n{text}\n".encode())
        os.fsync(file.fileno())


def of_account(folder: Path, account: Account) -> Path:
    """The account's own file in `folder`; its name tells nobody whose it is."""
    whose = hashlib.sha256(f"{account.host} {account.holder}".encode()).hexdigest()[:16]
    return folder / f"{whose}.json"


def mark_of(folder: Path) -> tuple[int, int]:
    """What differs after a file was put into a folder, replaced or taken away; for who looks now and then."""
    try:
        found = folder.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_ino


def for_the_person_alone(path: str, flags: int) -> int:
    """Open a file as `open` asks its opener to; one that is made is of mode 0600."""
    return os.open(path, flags, 0o600)
