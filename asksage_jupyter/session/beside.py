"""Small files beside the ledger, in which one process tells another what no ledger holds."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..account import Account


def write(path: Path, value: object) -> None:
    """Put `value` there as JSON, whole or not at all, and for this person's eyes only.

    Raises
    ------
    OSError
        It cannot be written; what was there stays.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(value, file)
    Path(draft).replace(path)


def of_account(folder: Path, account: Account) -> Path:
    """The account's own file in `folder`; its name tells nobody whose it is."""
    whose = hashlib.sha256(f"{account.host} {account.holder}".encode()).hexdigest()[:16]
    return folder / f"{whose}.json"
