"""How the place of a ledger is shown: never with what may be a secret in it; and where it lies by default."""

from __future__ import annotations

import re
from pathlib import Path

from ...errors import LedgerUnusable


def shown(where: str) -> str:
    """A path as it is; of a URL, what is neither user, password nor option, which may hold one.

    Examples
    --------
    >>> shown("postgresql://me:secret@db.example.org/sage?sslmode=require")
    'postgresql://db.example.org/sage'
    """
    scheme, separator, rest = where.partition("://")
    if not separator:
        return where
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"


def resolved(where: str) -> str:
    """The same place from whatever folder it is looked at later; a URL of a server as it is.

    Examples
    --------
    >>> resolved("postgresql://db.example.org/sage")
    'postgresql://db.example.org/sage'
    """
    scheme, separator, rest = where.partition("://")
    if not separator:
        if not where or ":memory:" in where:
            return where
        try:
            return str(Path(where).expanduser().absolute())
        except (RuntimeError, OSError):  # there is no such home, or no folder here: told where it is opened
            return where
    is_relative = scheme.lower().partition("+")[0] == "sqlite" and re.match(r"/[^/?]", rest)
    try:
        return f"{scheme}:///{Path(rest[1:]).absolute()}" if is_relative else where
    except OSError:
        return where


def data_folder() -> Path:
    """The platform's folder for this person's data of this package.

    Raises
    ------
    LedgerUnusable
        The system knows no home of this person's.
    """
    from platformdirs import user_data_path

    try:
        return user_data_path("asksage_jupyter", appauthor=False)
    except RuntimeError:
        raise LedgerUnusable(
            "there is no home here to keep the ledger in: set ASKSAGE_LEDGER to a path, or HOME to a folder "
            "of your own."
        ) from None


class Address(str):
    """The place of a ledger as a string that keeps a password, and does not show it when it is listed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str.__repr__(shown(self))
