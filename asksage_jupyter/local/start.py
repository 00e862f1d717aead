"""The parent's side of the local demo: start the child, wait until it is ready, stop it."""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

from ..account.records import DEMO_HOLDER
from ..errors import ConfigurationError
from . import weights as weights_

_STOP_S = 5.0
# An instruction this CPU does not have: SIGILL, and its name on Windows.
_ILLEGAL = (-4, 0xC000001D)


@dataclass(frozen=True, slots=True)
class LocalService:
    """A running local service; a context manager that stops it.

    Attributes
    ----------
    url : str
        On 127.0.0.1, at a port of its own.
    key : str
        Its API key, good for this run only.
    email : str
        The holder of its tokens.
    model : str
        The id of the one model it has.
    """

    url: str
    key: str = field(repr=False)
    email: str
    model: str
    process: subprocess.Popen[str] = field(repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point this package at it."""
        return {
            "ASKSAGE_URL": self.url,
            "ASKSAGE_API_KEY": self.key,
            "ASKSAGE_EMAIL": self.email,
            "ASKSAGE_MODEL": self.model,
        }

    def stop(self) -> None:
        """End the child; at once, and again without effect."""
        _end(self.process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        self.stop()


def folder() -> Path:
    """Where the service keeps its counters when not told otherwise: the user's data folder."""
    from ..ledger.stores.address import data_folder

    return data_folder() / "local-demo"


def start(
    folder: Path | None = None,
    *,
    weights: Path | str | None = None,
    allotment: int = 200_000,
    output_limit: int = 256,
    timeout_s: float = 60.0,
) -> LocalService:
    """Start the local service as a child process, and return when it answers.

    It ends with this process, however that ends. Nothing is downloaded.

    Parameters
    ----------
    folder : pathlib.Path, optional
        Where it keeps its counters; default: the user's data folder, so that a month lasts longer than a run.
    weights : pathlib.Path or str, optional
        A GGUF file, or the base URL of an OpenAI-compatible server; default: what `weights.chosen` finds.
    allotment : int
        Tokens a month, of each meter.
    output_limit : int
        Model tokens of one reply, at most.
    timeout_s : float
        How long the model may take to load.

    Raises
    ------
    ConfigurationError
        No model yet, or the child ended or did not get ready; nothing is left running.
    """
    model = weights if weights is not None else weights_.chosen()
    if model is None:
        raise ConfigurationError(
            "the local demo has no model yet: run  asksage-jupyter demo  to fetch one (98 MB), or set "
            f"{weights_.VARIABLE} to a .gguf file or to the URL of an OpenAI-compatible server."
        )
    place = _made(folder or _default_folder())
    settings = {
        "model": str(model),
        "folder": str(place),
        "allotment": allotment,
        "output_limit": output_limit,
    }
    return launch(("-m", __package__ or "asksage_jupyter.local"), settings, timeout_s)


def launch(program: Sequence[str], settings: Mapping[str, Any], timeout_s: float) -> LocalService:
    """Start a child process of Python that serves, and return when it answers.

    Parameters
    ----------
    program : sequence of str
        What Python runs: it calls `__main__.serve`.
    settings : mapping
        What it is told, beside its key and whose tokens it has.
    timeout_s : float
        How long it may take.

    Raises
    ------
    ConfigurationError
        It ended or did not get ready; nothing is left running.
    """
    settings = {**settings, "key": secrets.token_urlsafe(32), "email": DEMO_HOLDER}
    # -P: a file called json.py where the person works must not be imported.
    command = [sys.executable, "-P", *program]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        child = subprocess.Popen(  # noqa: S603  our own interpreter and module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True, encoding="utf-8"
        )
        try:
            ready = _ready(child, json.dumps(settings), said, timeout_s)
        except BaseException:
            _end(child)
            raise
    return LocalService(
        f"http://127.0.0.1:{ready['port']}", str(settings["key"]), DEMO_HOLDER, str(ready["model"]), child
    )


_default_folder = folder  # `start` has an argument of that name


def _made(place: Path) -> Path:
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"the local demo cannot write to {place}: {error.strerror}") from None
    return place.resolve()


def _ready(child: subprocess.Popen[str], settings: str, said: IO[str], timeout_s: float) -> dict[str, object]:
    """The child's first line; ConfigurationError when it ended, or was ended for taking too long."""
    talk, listen = cast("IO[str]", child.stdin), cast("IO[str]", child.stdout)
    # A read cannot time out on every platform; the end of a killed child ends it.
    watch = threading.Timer(timeout_s, child.kill)
    watch.daemon = True
    watch.start()
    line = ""
    try:
        # A child that ended at once is told by the empty line.
        with contextlib.suppress(BrokenPipeError):
            talk.write(settings + "\n")
            talk.flush()
        line = listen.readline()
    finally:
        watch.cancel()
    if not line:
        raise ConfigurationError(_why(child.wait(), said, timeout_s))
    return cast("dict[str, object]", json.loads(line))


def _why(code: int, said: IO[str], timeout_s: float) -> str:
    """One line about a child that ended with `code` before it was ready."""
    said.seek(0)
    last = next((line.strip() for line in reversed(said.readlines()) if line.strip()), "")
    if code == 2 and last:
        return last  # its own error, in one line already
    if code in _ILLEGAL:
        return f"the local demo's engine needs a CPU with AVX2. {weights_.OTHER_WAYS}"
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    why = f": {last[:200]}" if last else f" (it may take {timeout_s:g} s). {weights_.OTHER_WAYS}"
    return f"the local demo did not start, {how}{why}"


def _end(child: subprocess.Popen[str]) -> None:
    """Close the child's stdin, which ends it; kill it when that does not help."""
    try:
        child.communicate(timeout=_STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
