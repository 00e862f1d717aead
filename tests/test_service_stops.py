"""A Ctrl-C at each step of the HTTP library's: the next request goes through, and nothing is left open."""

import gc
import math
import socket
import sys
import warnings
from contextlib import closing

import pytest
from scripted import QUERY, STREAM, Bench, envelope, pieces, question

from asksage_jupyter.service.way import deadline
from asksage_jupyter.service.way.deadline import left_s, limit_s, within_s

pytestmark = [
    pytest.mark.long,
    # Of a socket that was being made when the stop came nobody knows but Python itself.
    pytest.mark.filterwarnings(
        "ignore::pytest.PytestUnraisableExceptionWarning", "ignore:unclosed:ResourceWarning"
    ),
]


@pytest.fixture
def bench():
    with closing(Bench()) as bench:
        yield bench


def struck_at(step, do):
    """Do it with a stop after so many lines of httpcore; whether it got so far."""
    left = step

    def watch(frame, _event, _arg):
        nonlocal left
        if "httpcore" not in frame.f_code.co_filename:
            return None
        left -= 1
        if left == 0:
            raise KeyboardInterrupt
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        do()
    finally:
        sys.settrace(before)
    return left <= 0


def open_to(port):
    """The sockets of this process that lead there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sockets = [one for one in gc.get_objects() if isinstance(one, socket.socket) and one.fileno() >= 0]
    return [one for one in sockets if one.family == socket.AF_INET and _peer(one) == port]


def _peer(one):
    try:
        return one.getpeername()[1]
    except OSError:
        return None


@pytest.mark.parametrize("is_kept", [False, True], ids=["new", "kept"])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_stop_at_any_step_of_a_request_harms_no_other(bench, streamed, is_kept):
    bench.server.on(QUERY, envelope())
    bench.server.on(STREAM, pieces(envelope()))
    service = bench.service()
    ask = lambda: service.query(question(), (lambda text: None) if streamed else None)  # noqa: E731
    stops, step = 0, 1
    while True:
        if is_kept:
            ask()
        try:
            if not struck_at(step, ask):
                break
        except KeyboardInterrupt:
            stops += 1
            assert not service._client._transport.is_open
        step += 5
    assert stops > 40
    assert ask().text
    assert len(open_to(int(service.url.rsplit(":", 1)[1].split("/")[0]))) == 1


def test_a_limit_that_a_stop_left_behind_does_not_count():
    with within_s(25.0):
        left = deadline._limit.get()
    deadline._limit.set(left)
    assert left_s() == math.inf
    assert limit_s() == math.inf
