"""What was uploaded to which dataset, so that a second run uploads only what is missing."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from ...beside import append

if TYPE_CHECKING:
    from pathlib import Path

    from ...account import Account

_HEX = hashlib.sha256().digest_size * 2


class Uploads:
    """The uploads of one account, in a file of hashes: of names, texts and datasets nothing can be read.

    Parameters
    ----------
    folder : Path
        The ledger's.
    account : Account
    """

    def __init__(self, folder: Path, account: Account) -> None:
        self._file = folder / "uploads.sha256"
        self._account = account

    def mark(self, dataset: str, context: str, content: bytes) -> str:
        """The hash of an upload: of account, dataset, context and content together.

        A dataset that was made anew is another one, under the same name.
        """
        times = self._lines().count(self._anew(dataset))
        digest = self._hashed(dataset, context, *[str(times)] * (times > 0))
        digest.update(content)
        return digest.hexdigest()

    def done(self) -> set[str]:
        """The hashes of all that was uploaded; a line that a crash cut short is none."""
        return {line for line in self._lines() if len(line) == _HEX}

    def forget(self, dataset: str) -> None:
        """Nothing of what was uploaded to a dataset is there any more: it was deleted, or is new.

        Raises
        ------
        OSError
        """
        self.add(self._anew(dataset))

    def _anew(self, dataset: str) -> str:
        return f"anew {self._hashed(_own_name(dataset)).hexdigest()}"

    def _hashed(self, *parts: str) -> hashlib._Hash:
        digest = hashlib.sha256()
        for part in (self._account.host, self._account.holder, *parts):
            written = part.encode("utf-8", "surrogatepass")
            digest.update(b"%d:%s" % (len(written), written))  # so that no two divisions hash alike
        return digest

    def _lines(self) -> list[str]:
        try:
            return self._file.read_text("ascii", "replace").split("\n")
        except OSError:
            return []

    def add(self, mark: str) -> None:
        """Remember one, durably.

        Raises
        ------
        OSError
            It is not remembered, and another run uploads it again.
        """
        append(self._file, mark)


def _own_name(dataset: str) -> str:
    """The name that a dataset was made with, of its name in full."""
    found = re.fullmatch(r"user_custom_[^_]+_(.+)_content", dataset)
    return found[1] if found else dataset
