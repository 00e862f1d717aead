"""Real stops at random instants: a timer's signal is a Ctrl-C wherever the main thread is."""

from __future__ import annotations

import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from types import FrameType
from typing import Any, NamedTuple

from patience import WAIT_S
from tenant import MODEL, OTHER, questions

import asksage_jupyter
from asksage_jupyter.errors import Interrupted
from asksage_jupyter.ledger.stores.gate import Gate
from asksage_jupyter.session import current

_SETTLED_S = 0.03  # until then a request that left has arrived, mostly
_ARRIVES_S = WAIT_S  # and until then surely
TRAIN = "/server/train"
PAGES = [" ".join(f"Fox {n} jumps over dog {n * 7 + page}." for n in range(40)) for page in range(3)]


class Standing(NamedTuple):
    """What the ledger has, on both meters together, and how many requests the service got."""

    used: int
    held: int
    sent: int


@dataclass
class Tally:
    """What came of the stops, and what must not have."""

    ends: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def stops(self) -> int:
        return self.ends.total() - self.ends["through"]


def ask() -> Any:
    return asksage_jupyter.ask("Why is the sky blue?", model=MODEL)


def compare() -> Any:
    return asksage_jupyter.compare("Why is the sky blue?", [MODEL, OTHER])


def uploading(server: Any) -> Callable[[], Any]:
    """Uploads of new pieces, each time."""
    number = iter(range(10**9))
    server.on(TRAIN, {"embedding": None, "response": "Successfully added", "status": 200})
    server.on("/server/get-datasets", {"response": ["user_custom_81_notes_content"], "status": 200})

    def train() -> Any:
        return asksage_jupyter.train([f"{next(number)} {page}" for page in PAGES], "notes")

    return train


def stopped_at_random(
    server: Any, do: Callable[[], Any], stops: int, *, seed: int, until: float = float("inf")
) -> Tally:
    """Do it again and again, each time with a stop at a random instant of it.

    Parameters
    ----------
    stops : int
        How many.
    until : float
        Of the monotonic clock: no more are begun, once one of them was told.
    """
    tally, chance = Tally(), random.Random(seed)
    session = current()
    session.balance()
    for meter in asksage_jupyter.session.session.Meter:
        session.ledger.set_plan(session.account, meter, 10**9, source="the test")
    span = _longest(do)
    before = _standing(server)
    with _alarm():
        while tally.stops < stops and (time.monotonic() < until or not tally.ends["told"]):
            end, told, error = _struck(do, chance.uniform(0.0, span))
            time.sleep(_SETTLED_S)
            after = _arrived(server, before)
            tally.ends[end] += 1
            tally.wrong += _wrong(before, after, end, told, error)
            before = after
    return tally


def passed(gate: Gate) -> None:
    gate.through(lambda: None)


def stop_often(do: Callable[[], Any], stops: int) -> None:
    """Do it until it was stopped so often, at random instants; only stops come out of it."""
    chance, span = random.Random(), _longest(do)
    with _alarm():
        while stops:
            end, _, error = _struck(do, chance.uniform(0.0, span))
            assert end != "wrong", repr(error)
            stops -= end in ("bare", "told")


def are_free(server: Any, do: Callable[[], Any]) -> bool:
    """Whether another kernel, and this one, can go on: no lock is held any more."""
    done = threading.Event()
    threading.Thread(target=lambda: (do(), done.set()), daemon=True).start()
    return done.wait(WAIT_S) and do() is not None


def _longest(do: Callable[[], Any]) -> float:
    took = []
    for _ in range(6):
        began = time.monotonic()
        do()
        took.append(time.monotonic() - began)
    return sorted(took)[-2] * 1.1


def _standing(server: Any) -> Standing:
    balance = current().ledger.balance(current().account)
    meters = balance.inference, balance.training
    sent = len(questions(server)) + len(server.asked(TRAIN))
    return Standing(sum(m.used for m in meters), sum(m.held for m in meters), sent)


def _arrived(server: Any, before: Standing) -> Standing:
    """How it stands once what left has arrived: on a busy machine that takes its time."""
    until = time.monotonic() + _ARRIVES_S
    while (after := _standing(server)).held > before.held and after.sent == before.sent:
        if time.monotonic() > until:
            break
        time.sleep(_SETTLED_S)
    return after


def _struck(do: Callable[[], Any], after_s: float) -> tuple[str, Any, BaseException | None]:
    """How it ended, and what was told: the reply, the comparison or the report."""
    signal.setitimer(signal.ITIMER_REAL, max(after_s, 1e-5))
    try:
        told = _strikable(do)
    except Interrupted as stop:
        return "told", stop.reply, stop
    except KeyboardInterrupt as stop:
        return "bare", None, stop
    except BaseException as error:
        return "wrong", None, error
    else:
        return ("through" if signal.getitimer(signal.ITIMER_REAL)[0] else "late"), told, None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _strikable(do: Callable[[], Any]) -> Any:
    return do()


@contextmanager
def _alarm() -> Iterator[None]:
    """Let the timer's signal be a Ctrl-C, or raise what that raises, but only within what is tried."""
    strikes = cycle(
        (lambda: signal.raise_signal(signal.SIGINT), partial(signal.default_int_handler, 0, None))
    )

    def strike(_number: int, frame: FrameType | None) -> None:
        while frame is not None:
            if frame.f_code is _strikable.__code__:
                next(strikes)()
                return
            frame = frame.f_back

    before, interval = signal.signal(signal.SIGALRM, strike), sys.getswitchinterval()
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)
        sys.setswitchinterval(interval)


def _wrong(before: Standing, after: Standing, end: str, told: Any, error: BaseException | None) -> list[str]:
    """What must not be, in words."""
    used, held, sent = (now - then for now, then in zip(after, before, strict=True))
    shown = f"{end}, {used} used, {held} held, {sent} sent: {error!r}"
    wrong = []
    if end == "wrong":
        wrong.append(f"another error: {shown}")
    paid = _tokens(told)
    if used != paid:
        wrong.append(f"{paid} told as debited: {shown}")
    said = "stay held" in str(error)
    if end == "told" and said != (held > 0):
        wrong.append(f"said of the hold what is not so: {shown}")
    if end == "told" and hasattr(told, "held") and told.held != held:
        wrong.append(f"{told.held} told as held: {shown}")
    if held and not sent:
        wrong.append(f"held for what was never sent: {shown}")
    if end in ("late", "through") and held:
        wrong.append(f"left held: {shown}")
    return wrong


def _tokens(told: Any) -> int:
    return 0 if told is None else (told.tokens or 0) + getattr(told, "inference_tokens", 0)
