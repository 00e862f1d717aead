"""Stop at any moment: real signals at random instants of a call, on both databases."""

import sys
import time

import pytest
from stops_desk import are_free, ask, compare, stopped_at_random, uploading

from asksage_jupyter import session
from asksage_jupyter.settings import AskSage

pytest_plugins = ["postgres_server"]
pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="there are no timers' signals"),
    # A socket that was being made when the stop came; the connections of threads that hold none.
    pytest.mark.filterwarnings("ignore:Exception ignored in.*socket:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]

STOPS, SECONDS = 40, 4.0


@pytest.fixture(params=["sqlite", "postgres"])
def tenant(request, server, monkeypatch, tmp_path):
    """A tenant, and a ledger: a file, or a server that is 4 ms away."""
    if request.param == "postgres":
        from asksage_jupyter.ledger.postgres.connection import BoundedConnection

        wait = BoundedConnection.wait

        def far(*args, **named):
            time.sleep(0.004)
            return wait(*args, **named)

        postgres = request.getfixturevalue("postgres")
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        url = postgres.url("postgres", schema=postgres.new_schema())
        monkeypatch.setenv("ASKSAGE_LEDGER", url)
        monkeypatch.setattr(BoundedConnection, "wait", far)
        AskSage.clear_instance()
    return server


@pytest.mark.parametrize("what", ["ask", "compare", "train"])
def test_a_stop_at_any_moment_loses_nothing_and_tells_what_is_so(tenant, what):
    do = {"ask": ask, "compare": compare, "train": uploading(tenant)}[what]
    seed = time.time_ns()
    tally = stopped_at_random(tenant, do, STOPS, seed=seed, until=time.monotonic() + SECONDS)
    assert not tally.wrong, f"seed {seed}"
    assert tally.ends["told"]
    assert are_free(tenant, do)
    assert session.current().ledger.verify().ok
