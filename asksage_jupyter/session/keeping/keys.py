"""The key of a reply: a hash of what is sent, and of nothing else."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...account import Account
    from ...service import Query

_VERSION = "1"


def keyed(query: Query, account: Account) -> Callable[..., bytes]:
    """A function that tells the key of a prompt, sent as `query` is: of its text, and of which draw it is.

    No row, index, notebook or job is in a key, and no API key: equal prompts share their reply, wherever they
    stand. Each part goes in with its length, so that no two ways of sending have one key.

    Raises
    ------
    BadInput
        The query's file cannot be read.
    """
    common = hashlib.sha256()
    for part in _common(query, account):
        _add(common, part)

    def key(prompt: str, draw: int = 0) -> bytes:
        whole = common.copy()
        _add(whole, prompt)
        _add(whole, str(draw))
        return whole.digest()

    return key


def _common(query: Query, account: Account) -> list[str | None]:
    """What is sent beside the prompt; None is another value than an empty text."""
    said = [text for exchange in query.history for text in exchange]
    return [
        _VERSION, account.host, account.holder, query.model, query.system, _told(query.persona),
        query.dataset, str(query.live), _told(query.temperature), query.reasoning, _contents(query),
        str(len(said)), *said,
    ]  # fmt: skip


def _told(number: float | None) -> str | None:
    return None if number is None else repr(float(number))


def _contents(query: Query) -> str | None:
    """The file's hash: another content under the same path is another question."""
    if query.file is None:
        return None
    with query.file.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add(whole: hashlib._Hash, part: str | None) -> None:
    if part is None:
        whole.update(b"-")
        return
    data = part.encode("utf-8", "surrogatepass")
    whole.update(b"%d:" % len(data))
    whole.update(data)
