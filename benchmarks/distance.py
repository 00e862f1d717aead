"""A pool on a server that is some way off: how many calls a second its members get through together.

Run ``python benchmarks/distance.py [milliseconds [members]]``. The way there and back takes so many
milliseconds (10), put in by a proxy that delays what it carries and narrows nothing; a member is a process.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from ledger_desk import HOUR, INFERENCE, PROCESSES, a_bill, a_call, figures
from postgres_server import running

from asksage_jupyter.account import Account
from asksage_jupyter.ledger import Ledger
from asksage_jupyter.month import now

POOL = Account.of_pool("api.example", "lab")
CALLS, TOKENS = 60, 7


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Pass on all that comes, each piece `delay_s` later."""
    loop, last = asyncio.get_running_loop(), 0.0
    while said := await reader.read(1 << 16):
        last = max(last, loop.time() + delay_s)
        loop.call_at(last, writer.write, said)
    loop.call_at(max(last, loop.time() + delay_s), writer.close)


async def serve(server: str, folder: str, delay_s: float, ready) -> None:
    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(f"{server}/.s.PGSQL.5432")
        with suppress(ConnectionError):
            await asyncio.gather(carry(reader, back, delay_s), carry(there, writer, delay_s))

    async with await asyncio.start_unix_server(met, f"{folder}/.s.PGSQL.5432") as proxy:
        ready.set()
        await proxy.serve_forever()


def delaying(server: str, folder: str, delay_s: float, ready) -> None:
    asyncio.run(serve(server, folder, delay_s, ready))


@contextmanager
def far(server: str, round_trip_ms: float) -> Iterator[str]:
    """The folder of a socket behind which the server in the folder `server` is so far away."""
    if not round_trip_ms:
        yield server
        return
    with tempfile.TemporaryDirectory(prefix="far-") as folder:
        ready = PROCESSES.Event()
        proxy = PROCESSES.Process(target=delaying, args=(server, folder, round_trip_ms / 2000, ready))
        proxy.start()
        try:
            ready.wait(10)
            yield folder
        finally:
            proxy.terminate()
            proxy.join()


def spend(where: str, member: Account, start, results) -> None:
    """Hold and settle one call after the other, as a member's cells do, and tell how long each took."""
    took = []
    with closing(Ledger(where)) as ledger:
        start.wait(60)
        for _ in range(CALLS):
            since = time.perf_counter()
            ledger.presume(member)
            call = a_call(TOKENS, now)
            ledger.hold(member, call, due=now() + HOUR)
            ledger.settle(call.op, a_bill(TOKENS))
            ledger.balance(member)
            took.append(time.perf_counter() - since)
    results.put(took)


def main(round_trip_ms: float, members: int) -> None:
    with running() as server, far(str(server.folder), round_trip_ms) as folder:
        near = server.url("postgres", schema=server.new_schema())
        people = [Account("api.example", f"{number}@example") for number in range(members)]
        with closing(Ledger(near)) as ledger:
            ledger.set_plan(POOL, INFERENCE, 10**9, source="team")
            for person in people:
                ledger.join_pool(person, INFERENCE, POOL, 10**6)
        start, results = PROCESSES.Barrier(members + 1), PROCESSES.Queue()
        away = near.replace(str(server.folder), folder)
        spenders = [PROCESSES.Process(target=spend, args=(away, each, start, results)) for each in people]
        for spender in spenders:
            spender.start()
        start.wait(60)
        since = time.perf_counter()
        took = sorted(s for _ in spenders for s in results.get(timeout=600))
        seconds = time.perf_counter() - since
        for spender in spenders:
            spender.join()
        with closing(Ledger(near)) as ledger:
            assert ledger.verify().problems == ()
            assert figures(ledger, POOL)[1:] == (len(took) * TOKENS, 0)
    print(
        f"{members} members at {round_trip_ms:g} ms: {len(took) / seconds:.0f} calls a second of one pool; "
        f"a call waits {statistics.median(took) * 1000:.0f} ms for the ledger, "
        f"the slowest {took[-1] * 1000:.0f} ms"
    )


if __name__ == "__main__":
    main(
        float(sys.argv[1]) if len(sys.argv) > 1 else 10.0,
        int(sys.argv[2]) if len(sys.argv) > 2 else 8,
    )
