"""What a cell costs beside the model: ours, and those of others, in turn, against one stub on loopback.

Run it from a checkout: ``python benchmarks/cell.py [CELLS [ROUNDS]]``: after so many rounds (20) of ten
cells of each, so many cells of ours (10,000), and as many of a magic that does nothing. Each is a process of
its own, and so is the stub, which answers at once. Bare httpx, which all of them send with, is taken off; two
bare durable commits of SQLite are told beside it, for nobody but us books what a cell costs. The first is a
first cell in an IPython, with first contact and imports, a second after the extension was loaded; "at once"
is one right after it. All wait for their cells in an event loop, as a kernel does. On a busy machine CPU time
is the steadier figure.

A peer is taken from `.bench/NAME`, where `make bench` has installed it by itself, or else from this Python.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

BLOCK = 10
IDLE_S = 1.0
COMPLETIONS = "/v1/chat/completions"
QUESTION = "Why is the sky blue?"


def shell():
    from IPython.core.interactiveshell import InteractiveShell

    return InteractiveShell.instance()


def cells(extension: str, magic: str, *before: str):
    """A case of a magic: how its extension is loaded, and a cell of it."""

    def case(url: str) -> tuple[Callable[[], object], Callable[[], object]]:
        ip = shell()
        text = f"{magic}\n{QUESTION}"

        def load() -> None:
            ip.run_line_magic("load_ext", extension)

        def run() -> None:
            for line in lines:
                ip.run_cell(line.format(url=url)).raise_error()
            lines.clear()
            ip.run_cell(text).raise_error()
            getattr(ip.history_manager, "outputs", {}).clear()  # which IPython keeps, and a kernel does not

        lines = list(before)
        return load, run

    return case


def bare(url: str):
    import httpx

    def load() -> None:
        global client
        client = httpx.Client(base_url=url, trust_env=False)

    return load, lambda: client.post(COMPLETIONS, json=asked()).json()


def nothing(url: str):
    ip = shell()

    def load() -> None:
        ip.register_magic_function(lambda line, cell: None, "cell", "nothing")

    return load, lambda: ip.run_cell(f"%%nothing\n{QUESTION}").raise_error()


def openai(url: str):
    def load() -> None:
        from openai import OpenAI

        global client
        client = OpenAI(base_url=f"{url}/v1", api_key="key")

    return load, lambda: client.chat.completions.create(**asked())


def asked() -> dict[str, object]:
    return {"model": "stub", "messages": [{"role": "user", "content": QUESTION}]}


OURS = ("asksage_jupyter", cells("asksage_jupyter", "%%asksage"))
CASES = {
    "bare httpx": ("httpx", bare),
    "an empty magic": ("IPython", nothing),
    "%%asksage": OURS,
    "%%asksage, at once": OURS,
    "openai": ("openai", openai),
    "jupyter_ai_magics": (
        "jupyter_ai_magics",
        cells("jupyter_ai_magics", "%%ai openai-chat-custom:stub -f text"),
    ),
    "jupyter_ai_magic_commands": (
        "jupyter_ai_magic_commands",
        cells(
            "jupyter_ai_magic_commands",
            "%%ai stub -f text",
            "%ai alias stub openai/stub --api-base {url}/v1",
        ),
    ),
}


def python_of(needs: str) -> str | None:
    """The Python that has the package; None where none has it."""
    apart = Path(__file__).parents[1] / ".bench" / needs / "bin" / "python"
    if apart.exists():
        return str(apart)
    return sys.executable if find_spec(needs) else None


def serve() -> None:
    """The stub: a tenant of Ask Sage, and an endpoint in the form of OpenAI's."""
    from scripted import QUERY, Played, Scripted, envelope

    def completion(request):
        part = {"index": 0, "finish_reason": "stop"}
        said = {"role": "assistant", "content": "For the air scatters blue light more."}
        about = {"id": "1", "created": 1, "model": "stub"}
        if request.json.get("stream"):
            chunk = about | {"object": "chat.completion.chunk", "choices": [part | {"delta": said}]}
            body = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()
            return Played(body, headers={"Content-Type": "text/event-stream"})
        usage = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
        whole = {"object": "chat.completion", "choices": [part | {"message": said}], "usage": usage}
        return Played(about | whole, headers={"Content-Type": "application/json"})

    def tokenizer(request):
        count = len(request.json["content"].split()) + 19
        price = round(count * 0.07 + request.json["completion_estimate"] * 0.35)
        return {"response": str(price if request.json["convert_to_asksage"] else count), "status": 200}

    server = Scripted()
    server.on("/server/count-monthly-tokens-left-with-org", {"response": 10**9, "status": 200})
    server.on("/server/count-monthly-tokens", {"response": 0, "status": 200})
    server.on("/server/get-models", {"response": ["stub"], "status": 200})
    server.on("/server/tokenizer", tokenizer)
    server.on(QUERY, envelope(provenance={"model": "stub"}))
    server.on(COMPLETIONS, completion)
    print(server.url, flush=True)
    sys.stdin.read()
    server.close()


def answer(name: str, url: str) -> None:
    """Load, and then run as many as each line of the input says; what cells print goes nowhere."""
    told = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if name != "bare httpx":
        shell()
    asyncio.run(answered(*CASES[name][1](url), told))


async def answered(load: Callable[[], object], run: Callable[[], object], told: TextIO) -> None:
    loop, once = asyncio.get_running_loop(), {}
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        if not once:
            before, cpu = memory(), time.process_time()
            load()
            once = {"load_ms": 1000 * (time.process_time() - cpu), "mb": memory(), "before_mb": before}
        times, cpu = [], time.process_time()
        for _ in range(int(line)):
            start = time.perf_counter()
            run()
            times.append(1000 * (time.perf_counter() - start))
        ran = once | {
            "ms": times,
            "cpu_ms": 1000 * (time.process_time() - cpu) / max(1, len(times)),
            "now_mb": memory(),
        }
        print(json.dumps(ran), file=told, flush=True)


def memory() -> float:
    """MB in use now; the most there were where the system tells no more."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return pages * resource.getpagesize() / 1e6


class Case:
    """A process that runs cells when it is told to."""

    def __init__(self, name: str, python: str, url: str, folder: str) -> None:
        environment = os.environ | {
            "ASKSAGE_URL": url,
            "ASKSAGE_API_KEY": "key",
            "ASKSAGE_EMAIL": "",
            "ASKSAGE_MODEL": "stub",
            "ASKSAGE_LEDGER": f"{folder}/ledger.db",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # or it asks the network for it while it is loaded
            "OPENAI_API_KEY": "key",
            "OPENAI_API_BASE": f"{url}/v1",
            "OPENAI_BASE_URL": f"{url}/v1",
            "IPYTHONDIR": f"{folder}/ipython",
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled
        command = [python, __file__, "answer", name, url]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)

    def run(self, times: int) -> dict:
        self._process.stdin.write(f"{times}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        return json.loads(line) if line else {}

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(60)


def commits(folder: str) -> list[float]:
    """Milliseconds of two bare durable commits of a row."""
    with closing(sqlite3.connect(f"{folder}/bare.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS entry (a, b)")
        times = []
        for _ in range(BLOCK):
            start = time.perf_counter()
            for _ in range(2):
                connection.execute("INSERT INTO entry VALUES (1, randomblob(300))")
            times.append(1000 * (time.perf_counter() - start))
    return times


def tell(first: dict[str, dict], times: dict[str, list[float]], cpu: dict[str, list[float]]) -> None:
    low, low_cpu = statistics.median(times["bare httpx"]), statistics.median(cpu["bare httpx"])
    print(f"{'':27}load, CPU   memory     first       CPU      warm  over httpx    CPU  over httpx")
    for name in CASES:
        if not (told := first.get(name)):
            print(f"{name:27}{'not there' if told is None else 'failed'}")
            continue
        begun = (
            f"{name:26}{told['load_ms']:7.0f} ms {told['mb']:5.0f} MB {told['ms'][0]:6.0f} ms"
            f" {told['cpu_ms']:6.0f} ms"
        )
        if name not in cpu:
            print(begun)
            continue
        warm, warm_cpu = statistics.median(times[name]), statistics.median(cpu[name])
        print(f"{begun} {warm:6.2f} ms {warm - low:8.2f} ms {warm_cpu:6.2f} {warm_cpu - low_cpu:8.2f} ms")
    print(f"two bare durable commits{statistics.median(times['commits']):43.2f} ms")


def main(grown: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pipe = subprocess.PIPE
        stub = subprocess.Popen([sys.executable, __file__, "serve"], stdin=pipe, stdout=pipe, text=True)
        url = stub.stdout.readline().strip()
        pythons = {name: python_of(needs) for name, (needs, _) in CASES.items()}
        found = {name: Case(name, python, url, folder) for name, python in pythons.items() if python}
        steady = [name for name in found if not name.endswith("at once")]
        for name in steady:
            found[name].run(0)  # all of them, before one is timed
        time.sleep(IDLE_S)
        idle = found["%%asksage"].run(0)
        first = {name: case.run(1) for name, case in found.items()}
        times: dict[str, list[float]] = {name: [] for name in (*steady, "commits")}
        cpu: dict[str, list[float]] = {name: [] for name in steady}
        for _ in range(rounds):
            for name in filter(first.get, steady):
                ran = found[name].run(BLOCK)
                times[name] += ran["ms"]
                cpu[name].append(ran["cpu_ms"])
            times["commits"] += commits(folder)
        tell(first, times, cpu)
        print(f"%%asksage {IDLE_S:.0f} s after it was loaded, before its first cell: {idle['now_mb']:.0f} MB")
        for name in ("%%asksage", "an empty magic") if grown else ():
            begun = found[name].run(grown // 10)["now_mb"]
            ended = found[name].run(grown - grown // 10)["now_mb"]
            print(f"{grown:,} cells of {name}: {begun:.1f} MB after a tenth, {ended:.1f} MB after all")
        for case in found.values():
            case.close()
        stub.stdin.close()
        stub.wait(60)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            serve()
        case ["answer", name, url]:
            answer(name, url)
        case numbers:
            main(*(map(int, numbers + ["10000", "20"][len(numbers) :])))
