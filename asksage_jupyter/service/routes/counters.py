"""The account's counters and limits, where a tenant tells them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...account import Meter
from ...errors import BadKey, NotReached, Refused, Unavailable
from ..records import Limits
from ..replies.scalars import member, natural, one_line, text_in, whole
from ..replies.wire import Pairs

if TYPE_CHECKING:
    from ..way.connection import Connection

_LIMITS = ("max_tokens", "max_train_tokens")
_NO_NUMBERS = (-1, -2)  # by which the service says that there is no limit, or none to tell
_USED = {
    Meter.INFERENCE: "/server/count-monthly-tokens",
    Meter.TRAINING: "/server/count-monthly-teach-tokens",
}


def used(connection: Connection, meter: Meter) -> int | None:
    """Ask Sage tokens used this month; None where the tenant does not tell."""
    tokens = _counter(connection, _USED[meter])
    return tokens if tokens is None or tokens >= 0 else None


def left(connection: Connection) -> int | None:
    """Inference tokens left this month, below zero too; None where the tenant does not or cannot tell."""
    try:
        tokens = _counter(connection, "/server/count-monthly-tokens-left-with-org")
    except NotReached:
        raise
    except Unavailable:  # the organisation could not be looked up, which stops nothing else
        return None
    return None if tokens in _NO_NUMBERS else tokens


def limits(connection: Connection) -> Limits:
    """What the account may spend a month; the rest of that reply, secrets among it, is dropped unread."""
    try:
        body = connection.free("/user/validate_token_with_full_user", b"{}", keep=_limits_only)
    except Unavailable:
        raise
    except BadKey:
        # The key itself, without an e-mail, need not open this route.
        if not connection.credentials.signs_with_key:
            raise
        return Limits()
    except Refused:
        return Limits()
    inference, training = (_limit(body.value, name) for name in _LIMITS)
    return Limits(inference, training, _email(body.value), _scopes(body.value))


def _counter(connection: Connection, path: str) -> int | None:
    try:
        return whole(connection.free(path, b"{}").response)
    except (BadKey, Unavailable):
        raise
    except Refused:
        return None


def _limits_only(pairs: Pairs) -> dict[str, object]:
    """Of each JSON object: limits and whose, the envelope, and what may hold them. Secrets are never kept."""
    kept = [*_LIMITS, "response", "status", "error"]
    if any(name in _LIMITS for name, _ in pairs):
        kept += ["email", "token_scopes"]  # of the person who has the limits, and of nobody else
    return {name: value for name, value in pairs if name in kept or isinstance(value, dict)}


def _email(value: object) -> str | None:
    """The e-mail that was kept, however deep."""
    own = text_in(member(value, "email"))
    return own or next(filter(None, map(_email, _within(value))), None)


def _scopes(value: object) -> tuple[str, ...]:
    """The key's scopes that were kept, however deep, from a list or a text."""
    own = member(value, "token_scopes")
    listed = own.replace(",", " ").split() if isinstance(own, str) else own
    if isinstance(listed, list):
        return tuple(one_line(name) for name in map(text_in, listed) if name)
    return next(filter(None, map(_scopes, _within(value))), ())


def _limit(value: object, name: str) -> int | None:
    """The first limit of that name, however deep."""
    own = natural(member(value, name))
    if own is not None:
        return own
    return next((found for each in _within(value) if (found := _limit(each, name)) is not None), None)


def _within(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
