"""Where the key comes from: the environment, this session, or the keyring. Never a setting."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from ...errors import NoKey
from ...service import Secret
from ...settings import AskSage
from .token_command import drop, token_from

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...account import Account

T = TypeVar("T")

BY_COMMAND = "AskSage.token_command"
_KEYRING = "asksage_jupyter"
_INSTALL = "pip install 'asksage_jupyter[keyring]'"
_of_this_session: dict[Account, Secret] = {}


def find_key(account: Account) -> tuple[Secret, str]:
    """The account's key, and where it was found.

    A key typed with ``%asksage login`` comes first: it is the person's latest word. A command that prints
    one comes before the environment's.

    Raises
    ------
    ConfigurationError
        The command does not give one.
    NoKey
        There is none; the message names both ways to go on.
    """
    if key := _of_this_session.get(account):
        return key, "%asksage login"
    if command := AskSage.instance().token_command:
        return token_from(command), BY_COMMAND
    if key := Secret(os.environ.get("ASKSAGE_API_KEY", "").strip()):
        return key, "ASKSAGE_API_KEY"
    key, trouble = _with_keyring(lambda: _taken_from_keyring(account))
    if key:
        return key, "keyring"
    raise NoKey(
        f"no Ask Sage key{f' ({trouble})' if trouble else ''}. With an account: set ASKSAGE_API_KEY (and "
        f"ASKSAGE_EMAIL), or run %asksage login. Without one: run `asksage-jupyter demo` in a terminal to "
        "try a small model on this machine."
    )


def another_key(account: Account, refused: Secret) -> Secret | None:
    """The key that is found now, where the service refused another; None where it is still the same."""
    if _of_this_session.get(account) == refused:
        typed = _of_this_session.pop(account)
        if (found := another_key(account, refused)) is None:
            _of_this_session[account] = typed
        return found
    drop(refused)
    try:
        key, _ = find_key(account)
    except NoKey:
        return None
    return None if key == refused else key


def keep_key(account: Account, key: Secret) -> str:
    """Keep the key for this session, and in the keyring where one is installed; returns where it is now."""
    _of_this_session[account] = key
    kept, trouble = _with_keyring(lambda: _put_into_keyring(account, key))
    if kept:
        return "the keyring"
    why = trouble or ("the keyring took it and does not give it back" if kept is False else "")
    return f"this session only ({why})" if why else f"this session only ({_INSTALL} keeps it)"


def _taken_from_keyring(account: Account) -> Secret:
    import keyring

    return Secret(keyring.get_password(_KEYRING, _entry(account)) or "")


def _put_into_keyring(account: Account, key: Secret) -> bool:
    """Whether it is there afterwards: some backends take a password and keep nothing."""
    import keyring

    keyring.set_password(_KEYRING, _entry(account), key.reveal())
    return Secret(keyring.get_password(_KEYRING, _entry(account)) or "") == key


def _with_keyring(step: Callable[[], T]) -> tuple[T | None, str]:
    """What a step comes to, or why it came to nothing, in a line; empty where no keyring is installed.

    Backends fail in ways of their own, some when they are imported. Their frames and messages may hold the
    key: neither goes further, also when the person stops them.
    """
    stop: BaseException | None = None
    try:
        return step(), ""
    except ModuleNotFoundError as error:
        name = "" if error.name == "keyring" else type(error).__name__
    except (KeyboardInterrupt, SystemExit) as error:
        stop, name = error, ""
    except BaseException as error:  # noqa: BLE001  a panic of a compiled backend is no Exception
        name = type(error).__name__
    if stop is not None:
        stop.__context__ = stop.__cause__ = None
        raise stop.with_traceback(None)
    return None, f"the keyring failed: {name}" if name else ""


def _entry(account: Account) -> str:
    return f"{account.holder} at {account.host}"
