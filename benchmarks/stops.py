"""Stops at random instants, at length: what ``tests/test_stops.py`` does briefly.

Run ``python benchmarks/stops.py [stops [database [what]]]``: so many (2,000) real signals each, on ``sqlite``
and ``postgres`` (4 ms away), during ``ask``, ``compare`` and ``train``. A line tells how they ended; what
must not be is listed below it.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
import warnings
from contextlib import nullcontext
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from postgres_server import running
from stops_desk import are_free, ask, compare, stopped_at_random, uploading
from tenant import environment, open_tenant

from asksage_jupyter.session import current, forget
from asksage_jupyter.settings import AskSage

AWAY_S = 0.004
DATABASES, WHAT = ("sqlite", "postgres"), ("ask", "compare", "train")


def put_away() -> None:
    """Let each exchange with PostgreSQL take longer."""
    from asksage_jupyter.ledger.stores.postgres.connection import BoundedConnection

    wait = BoundedConnection.wait

    def far(*args, **named):
        time.sleep(AWAY_S)
        return wait(*args, **named)

    BoundedConnection.wait = far


def run(what: str, stops: int, seed: int) -> str:
    server = open_tenant()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(XDG_DATA_HOME=folder, **environment(server, folder))
        if POSTGRES is not None:
            os.environ["ASKSAGE_LEDGER"] = POSTGRES.url("postgres", schema=POSTGRES.new_schema())
        AskSage.clear_instance()
        do = {"ask": ask, "compare": compare, "train": uploading(server)}[what]
        tally = stopped_at_random(server, do, stops, seed=seed)
        free = are_free(server, do)
        whole = current().ledger.verify().ok
        forget()
    server.close()
    ends = ", ".join(f"{count:,} {end}" for end, count in tally.ends.most_common())
    told = f"{tally.stops:,} stops ({ends}); {len(tally.wrong)} wrong"
    told += f"; {'all locks free' if free else 'A LOCK IS HELD'}; {'' if whole else 'NOT '}whole"
    return "\n    ".join([told, *tally.wrong[:20]])


# A shell that begins it in the background has Ctrl-C ignored: nothing would be stopped.
signal.signal(signal.SIGINT, signal.default_int_handler)

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    stops = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    for database in sys.argv[2:3] or DATABASES:
        with running() if database == "postgres" else nullcontext() as POSTGRES:
            if POSTGRES is not None:
                put_away()
            for what in sys.argv[3:4] or WHAT:
                print(f"{database:9} {what:8} {run(what, stops, seed=time.time_ns())}", flush=True)
