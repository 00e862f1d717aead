"""The session of this kernel: made from the settings, made anew when they change, with its companions."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from ..forks import in_child
from ..settings import AskSage

if TYPE_CHECKING:
    from collections.abc import Callable

    from .session import Companion, Session

# What the environment says of proxies and certificates: a correction of it wants new connections.
_ON_THE_WAY = [
    name
    for variable in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
    for name in (variable, variable.lower())
]
_lock = threading.Lock()
_current: tuple[tuple[object, ...], Session] | None = None
_companions: list[Callable[[Session], Companion | None]] = []
_abandoned: list[Session] = []  # of the parent, in a forked child


def current() -> Session:
    """The session of this kernel; a new one after a setting changed that it was made from."""
    global _current
    settings = AskSage.instance()
    settings.follow_environment()
    made_from = (
        settings.url, settings.email, settings.zone, settings.ca_bundle, settings.ledger,
        settings.timeout_s, settings.ledger_timeout_s, str(settings.token_command),
        *map(os.environ.get, _ON_THE_WAY),
    )  # fmt: skip
    with _lock:
        if _current is None or _current[0] != made_from:
            from .session import Session

            session = Session(settings)
            # One whose ledger could not be read is not asked for its account again: that may be what changed.
            if _current is not None and vars(_current[1]).get("account") == session.account:
                session.exchanges = _current[1].exchanges  # still the same conversation
            _close()
            _current = made_from, _accompanied(session)
        return _current[1]


def accompany(make: Callable[[Session], Companion | None]) -> None:
    """Let `make` give this kernel's session, and every one from now on, a companion, or none."""
    with _lock:
        if make in _companions:
            return
        _companions.append(make)
        if _current is not None and (companion := make(_current[1])):
            _current[1].companions.append(companion)


def dismiss(make: Callable[[Session], Companion | None]) -> None:
    """Let `make` give no session a companion any more."""
    if make in _companions:
        _companions.remove(make)


def _accompanied(session: Session) -> Session:
    session.companions += [companion for make in _companions if (companion := make(session))]
    return session


def forget() -> None:
    """Close this kernel's session; the next use makes a new one."""
    with _lock:
        _close()


def _close() -> None:
    global _current
    if _current is not None:
        _current[1].close()
        _current = None


def _begin_anew() -> None:
    """In a forked child: forget the parent's session. Closing it here would end its connections."""
    global _current, _lock
    _lock = threading.Lock()  # a thread of the parent may have had the other
    if _current is not None:
        _abandoned.append(_current[1])
        _current = None


in_child(_begin_anew)
