"""A program of the person's that prints a token: a vault's, a card reader's. Its output is never shown."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ConfigurationError
from ...forks import in_child
from ...service import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LONGEST_S = 10.0
KEPT_S = 300.0
_MOST = 65_536  # bytes; tokens have some thousands

_lock = threading.Lock()
_kept: dict[tuple[str, ...], tuple[Secret, float]] = {}


def token_from(
    command: str | Sequence[str], clock: Callable[[], float] = time.monotonic, longest_s: float = LONGEST_S
) -> Secret:
    """What the command prints; the same for five minutes, or until it is dropped.

    Parameters
    ----------
    command : str or sequence of str
        A program and what it is given; no shell reads it.
    clock : callable
        Seconds.

    Raises
    ------
    ConfigurationError
        The command cannot be run, fails, prints nothing, or takes more than ten seconds.
    """
    argv = _words(command)
    with _lock:
        token, since = _kept.get(argv, (None, 0.0))
        if token is not None and clock() - since < KEPT_S:
            return token
        _kept.pop(argv, None)
        token = _run(argv, longest_s)
        _kept[argv] = token, clock()
        return token


def drop(refused: Secret) -> None:
    """Keep a token no longer that the service refused."""
    with _lock:
        for argv in [argv for argv, (token, _) in _kept.items() if token == refused]:
            del _kept[argv]


def _begin_anew() -> None:
    """In a forked child: a thread of the parent may have had the other."""
    global _lock
    _lock = threading.Lock()


in_child(_begin_anew)


def _words(command: str | Sequence[str]) -> tuple[str, ...]:
    try:
        argv = tuple(shlex.split(command) if isinstance(command, str) else map(str, command))
    except ValueError:
        argv = ()
    if not argv:
        raise ConfigurationError(
            "the token command cannot be read: write a program and its arguments, quotes closed "
            "(ASKSAGE_TOKEN_COMMAND)."
        )
    return (os.path.expanduser(argv[0]), *argv[1:])  # noqa: PTH111  of a home that is not here too


def _run(argv: tuple[str, ...], longest_s: float) -> Secret:
    """Run it once. Its output is in no frame that an error goes through."""
    trouble, stop = "", None
    try:
        token = _output(argv, longest_s)
        if token:
            return token
        trouble = "printed nothing"
    except FileNotFoundError:
        trouble = "is not there"
    except OSError as error:
        trouble = f"cannot be run ({error.strerror})"
    except subprocess.TimeoutExpired:
        trouble = f"took more than {longest_s:g} s"
    except subprocess.CalledProcessError as error:
        trouble = f"failed (exit code {error.returncode})"
    except KeyboardInterrupt as error:
        stop = error
    if stop is not None:
        stop.__context__ = None
        raise stop.with_traceback(None) from None
    # Only its name: its arguments may hold a password.
    raise ConfigurationError(
        f"the token command {Path(argv[0]).name} {trouble}: check AskSage.token_command "
        "(ASKSAGE_TOKEN_COMMAND), and run it in a terminal."
    )


def _output(argv: tuple[str, ...], longest_s: float) -> Secret:
    with subprocess.Popen(  # noqa: S603  the person's own command, and no shell
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=os.name == "posix",
    ) as process:
        try:
            token = Secret(
                process.communicate(timeout=longest_s)[0][:_MOST].decode("utf-8", "replace").strip()
            )
        except BaseException:
            _kill(process)
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, argv[:1])
    return token


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End it, and what it started, which may hold its output open."""
    with suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
