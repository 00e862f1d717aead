"""A string that nothing shows by accident."""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """A key or a token: never in a repr, a format, a pickle, a traceback's locals or a debugger's list.

    Parameters
    ----------
    value : str
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The value itself. Use it in an expression; a variable would show it in a traceback."""
        return self.__value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_bytes(self), _bytes(other))

    # Equal values would show through equal hashes.
    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret is neither copied nor pickled")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        self.__getstate__()


def _bytes(secret: Secret) -> bytes:
    return secret.reveal().encode("utf-8", "surrogatepass")
