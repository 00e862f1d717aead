"""The JSON file that keeps rates and samples between sessions, shared by all kernels of a person.

It is a cache: lost or damaged, it is begun anew; a folder that cannot be written costs a question more.
"""

from __future__ import annotations

import atexit
import time
from _thread import start_new_thread
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import reduce
from io import FileIO
from pathlib import Path
from typing import Any

from .. import locks
from ..account import Source
from ..beside import read, write
from .fit import KEPT, Sample
from .pricing import Rate, checked

_FORMAT = 1
_PATIENCE_S = 0.5  # a reply that is paid for waits meanwhile, and a turn takes some milliseconds
_LOOK_S = 0.005
_SOON_S = 1.0  # what follows a reply waits so long for others, and is then written with them
_WAITING = 4 * KEPT  # changes that wait for a folder that cannot be written
_FIRST_FIELDS = 5  # that a sample always had
_INSIDE = (None, False, True)


@dataclass(frozen=True, slots=True)
class Learned:
    """What is kept of a model on a host: its priced rate, if any, and the last billed calls."""

    rate: Rate | None = None
    samples: tuple[Sample, ...] = ()
    listed: tuple[float, float] | None = None  # the catalog's, where the service has no price of its own


Change = Callable[[Learned], Learned]


class RatesFile:
    """The file ``rates.json`` in `folder`, seen by one host.

    Readers never lock: the file is only ever replaced as a whole. Writers take turns.
    """

    def __init__(self, folder: Path, host: str) -> None:
        self._path = folder / "rates.json"
        self._host = host
        self._version: object = None
        self._contents: dict[str, Any] = {}
        self._parsed: dict[str, Learned] = {}
        # What is not written yet goes with the next that can be, or lives as long as the session.
        self._unwritten: deque[tuple[str, Change]] = deque(maxlen=_WAITING)
        self._is_awaited = False

    def known(self, model: str) -> Learned:
        """What is kept of `model`; empty where nothing is."""
        self._refresh()
        parsed = self._parsed
        if model not in parsed:
            changes = [change for of, change in [*self._unwritten] if of == model]
            parsed[model] = _changed(_known(model, self._kept().get(model)), changes)
        return parsed[model]

    def models(self) -> set[str]:
        """The models of which something is kept."""
        self._refresh()
        return {*self._kept(), *(model for model, _ in [*self._unwritten])}

    def update(self, model: str, change: Change) -> None:
        """Replace what is kept of `model` by its `change`, which sees what other kernels wrote before."""
        self._unwritten.append((model, change))
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.flush()

    def note(self, model: str, change: Change) -> None:
        """The same, but written a moment later, with what comes meanwhile: a reply need not wait for it."""
        known = self.known(model)
        self._unwritten.append((model, change))
        self._parsed[model] = change(known)
        if self._is_awaited:
            return
        self._is_awaited = True
        atexit.register(self.flush)
        try:
            start_new_thread(self._flush_soon, ())
        except RuntimeError:  # no threads here, or no more of them
            self._flush_soon()

    def flush(self) -> None:
        """Write what is not written yet; what cannot be stays."""
        changes: list[tuple[str, Change]] = []
        try:
            if self._unwritten:
                with _turn(self._path.with_suffix(".lock")):
                    while self._unwritten:
                        changes.append(self._unwritten.popleft())
                    self._version = None  # a file that was replaced twice can look like the one before
                    self._refresh()
                    self._write("hosts", {**self._kept(), **self._merged(changes)})
        except OSError:
            self._unwritten.extendleft(reversed(changes))
            self._parsed = {}

    def _flush_soon(self) -> None:
        time.sleep(_SOON_S)
        self._is_awaited = False
        atexit.unregister(self.flush)
        self.flush()

    def _merged(self, changes: list[tuple[str, Change]]) -> dict[str, Any]:
        """What is to be written of the models with these changes."""
        models = dict.fromkeys(model for model, _ in changes)
        return {
            model: _plain(
                _changed(
                    _known(model, self._kept().get(model)), [each for of, each in changes if of == model]
                )
            )
            for model in models
        }

    def offered(self) -> tuple[str, ...]:
        """The models that the host offered when a kernel asked it last."""
        self._refresh()
        told = _dict(self._contents.get("offered")).get(self._host)
        return tuple(model for model in told if isinstance(model, str)) if isinstance(told, list) else ()

    def offer(self, models: Sequence[str]) -> None:
        """Keep what the host offers, for whoever may not ask it while a person types."""
        if tuple(models) == self.offered():
            return
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _turn(self._path.with_suffix(".lock")):
                self._version = None
                self._refresh()
                self._write("offered", list(models))

    def _write(self, part: str, of_host: Any) -> None:
        """Replace what a part of the file says of this host; in one's turn."""
        parts = {**_dict(self._contents.get(part)), self._host: of_host}
        contents = {**self._contents, "format": _FORMAT, part: parts}
        write(self._path, contents)
        # What was just written need not be read again before the next cell.
        self._contents, self._parsed, self._version = contents, {}, self._stamp()

    def _refresh(self) -> None:
        """Read the file again if it has been replaced; a damaged one is as good as none."""
        try:
            version = self._stamp()
            if version == self._version:
                return
            contents = _dict(read(self._path))
        except OSError:
            version, contents = None, {}
        self._contents = contents if contents.get("format") == _FORMAT else {}
        self._version, self._parsed = version, {}

    def _stamp(self) -> tuple[int, int, int]:
        status = self._path.stat()
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _kept(self) -> dict[str, Any]:
        return _dict(_dict(self._contents.get("hosts")).get(self._host))


def _changed(known: Learned, changes: Sequence[Change]) -> Learned:
    return reduce(lambda known, change: change(known), changes, known)


def _known(model: str, plain: Any) -> Learned:
    """What the file says of `model`, without whatever in it cannot be true."""
    kept = _dict(plain)
    rate = None
    with suppress(KeyError, TypeError, ValueError, AttributeError, OverflowError):
        told = kept["rate"]
        prompt, completion, flat = checked(told["prompt"], told["completion"], told.get("flat", 0.0))
        rate = Rate(model, prompt, completion, Source.PRICED, int(told["as_of"]), flat=flat)
    listed = None
    with suppress(KeyError, TypeError, ValueError):
        listed = checked(*kept["listed"])[:2]
    samples = kept.get("samples")
    found = map(_sample, samples if isinstance(samples, list) else [])
    return Learned(rate, tuple(sample for sample in found if sample is not None)[-KEPT:], listed)


def _sample(plain: Any) -> Sample | None:
    """A sample, if these are one's figures; an older version wrote fewer of them."""
    if not isinstance(plain, list) or not _FIRST_FIELDS <= len(plain) <= len(Sample._fields):
        return None
    sample = Sample(*plain)
    figures = (sample.input_tokens, sample.output_tokens, sample.factor)
    needed = (sample.counted, sample.recorded, sample.guessed)
    possible = all(_is_figure(each) for each in (*needed, *(each for each in figures if each is not None)))
    return sample if possible and isinstance(sample.file, str) and sample.inside in _INSIDE else None


def _is_figure(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1e12


def _plain(known: Learned) -> dict[str, Any]:
    rate = known.rate
    figures = ("prompt", "completion", "flat", "as_of")
    return {
        "rate": rate and {name: getattr(rate, name) for name in figures},
        "samples": [list(sample) for sample in known.samples[-KEPT:]],
        **({"listed": known.listed} if known.listed else {}),
    }


def _dict(plain: Any) -> dict[str, Any]:
    return plain if isinstance(plain, dict) else {}


@contextmanager
def _turn(path: Path) -> Iterator[None]:
    """Hold the lock file; the system lets go of it however the process ends.

    Raises
    ------
    TimeoutError
        Another process has had it for too long: it may be stopped.
    """
    file = locks.opened(path)
    try:
        until = time.monotonic() + _PATIENCE_S
        while not _locked(file):
            if time.monotonic() > until:
                raise TimeoutError
            time.sleep(_LOOK_S)
        try:
            yield
        finally:
            with suppress(OSError):
                locks.give_back(file)
    finally:
        file.close()


def _locked(file: FileIO) -> bool:
    """Whether the file is ours now, or its file system has no locks.

    Without them a sample may be lost to another kernel's: no more than that.
    """
    try:
        return locks.take(file, wait=False)
    except OSError:
        return True
