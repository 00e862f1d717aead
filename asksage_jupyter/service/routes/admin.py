"""The users of an organisation with their limits, as its administrators may read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import Refused
from ..records import Limits, OrganizationUser
from ..replies.scalars import flag, member, natural, text_in
from ..replies.wire import Pairs
from ..way.payload import json_of

if TYPE_CHECKING:
    from ..way.connection import Connection

_PATH = "/user/admin-get-all-users-with-tokens"
_AT_ONCE = 1000  # the most the service gives
_MOST_PAGES = 1000
_KEPT = ("email", "max_tokens", "max_train_tokens", "banned", "status")


def users(connection: Connection) -> list[OrganizationUser]:
    """All users, by e-mail; those who are banned are left out.

    Raises
    ------
    Refused
        The key is no administrator's, or the tenant has no such route.
    """
    found: dict[str, OrganizationUser] = {}
    before: list[Any] = []
    for page in range(_MOST_PAGES):
        content = json_of(start=page * _AT_ONCE, limit=_AT_ONCE, hide_banned=True, full=False)
        rows = connection.personal(_PATH, content, keep=_limits_only).rows
        if rows is None:
            raise Refused(f"Ask Sage's answer to {_PATH} is no list. Nothing was billed.")
        told = {user.email: user for user in map(_user, rows) if user is not None}
        # Where a tenant takes no notice of `start`, a page brings nobody new. One of the banned has nobody.
        is_last = len(rows) < _AT_ONCE or rows == before or (told and told.keys() <= found.keys())
        found, before = found | told, rows
        if is_last:
            break
    return [found[email] for email in sorted(found)]


def _limits_only(pairs: Pairs) -> dict[str, object]:
    """Of a user: e-mail and limits. Of what is around users: the envelope, and what may hold them."""
    if any(name == "email" for name, _ in pairs):
        return {name: value for name, value in pairs if name in _KEPT}
    kept = ("response", "status", "error", "message")
    return {name: value for name, value in pairs if name in kept or isinstance(value, dict | list)}


def _user(row: object) -> OrganizationUser | None:
    email = text_in(member(row, "email"))
    # A tenant may take no notice of `hide_banned`.
    if email is None or flag(member(row, "banned")) or member(row, "status") == "banned":
        return None
    limits = Limits(natural(member(row, "max_tokens")), natural(member(row, "max_train_tokens")))
    return OrganizationUser(email.lower(), limits)
