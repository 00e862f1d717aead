"""Where the key comes from: the environment, this session, or the keyring. Never a setting."""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING

from ..errors import NoKey
from ..service import Secret

if TYPE_CHECKING:
    from ..account import Account

_KEYRING = "asksage_jupyter"
_of_this_session: dict[Account, Secret] = {}

_BOTH_WAYS = (
    "no Ask Sage key. With an account: set ASKSAGE_API_KEY (and ASKSAGE_EMAIL), or run %asksage login. "
    "Without one: run `asksage-jupyter demo` in a terminal to try a small model on this machine."
)


def find_key(account: Account) -> tuple[Secret, str]:
    """The account's key, and where it was found.

    A key typed with ``%asksage login`` comes before the environment's: it is the person's latest word.

    Raises
    ------
    NoKey
        There is none; the message names both ways to go on.
    """
    if key := _of_this_session.get(account):
        return key, "%asksage login"
    if value := os.environ.get("ASKSAGE_API_KEY", "").strip():
        return Secret(value), "ASKSAGE_API_KEY"
    if key := _from_keyring(account):
        return key, "keyring"
    raise NoKey(_BOTH_WAYS)


def keep_key(account: Account, key: Secret) -> str:
    """Keep the key for this session, and in the keyring where one is installed; returns where it is now."""
    _of_this_session[account] = key
    if _has_keyring():
        import keyring
        import keyring.errors

        try:
            keyring.set_password(_KEYRING, _entry(account), key.reveal())
        except keyring.errors.KeyringError:
            return "this session only (the keyring did not take it)"
        return "the keyring"
    return "this session only (pip install 'asksage_jupyter[keyring]' keeps it)"


def _from_keyring(account: Account) -> Secret | None:
    if not _has_keyring():
        return None
    import keyring
    import keyring.errors

    try:
        value = keyring.get_password(_KEYRING, _entry(account))
    except keyring.errors.KeyringError:
        return None
    return Secret(value) if value else None


def _has_keyring() -> bool:
    return importlib.util.find_spec("keyring") is not None


def _entry(account: Account) -> str:
    return f"{account.holder} at {account.host}"
