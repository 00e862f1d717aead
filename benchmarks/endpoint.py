"""What a call through the endpoint costs beside the model: against bare httpx, ask(), and many at once.

Run it from a checkout: ``python benchmarks/endpoint.py [FOLDER]``. The service is an instant stub on
loopback in a process of its own, and so are the endpoint and LiteLLM's proxy, which is installed from your
package index into an environment of its own (kept in FOLDER, where one is named) and keeps no ledger here.
What is beyond bare httpx is theirs: HTTP once more; of ours also the estimate, two durable commits and the
balance. All are told in one run, as they compare only on one machine at one time; the processor's time a
call compares on a busy one too.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
from cell import tenant
from clients import python_with
from scripted import QUERY

PROXY = """
model_list:
  - model_name: a-model
    litellm_params: {{model: openai/a-model, api_base: "{url}/v1", api_key: none}}
"""
REPLY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 0,
    "model": "a-model",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "OK"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 820, "completion_tokens": 4, "total_tokens": 824},
}

CALLS, AT_ONCE = 300, 8
ASKED = {"model": "a-model", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}


def milliseconds(call: Callable[[], object]) -> float:
    """The median of many calls, one after the other."""
    times = []
    for _ in range(CALLS):
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def a_second(call: Callable[[], object]) -> float:
    """How many calls are done in a second, several at once."""
    start = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as many:
        for done in [many.submit(call) for _ in range(CALLS)]:
            done.result()
    return CALLS / (time.perf_counter() - start)


@contextmanager
def stub() -> Iterator[str]:
    """The address of the instant service."""
    with subprocess.Popen([sys.executable, __file__, "stub"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@contextmanager
def endpoint() -> Iterator[tuple[str, str, int]]:
    """The address, the key and the process of `asksage-jupyter serve`."""
    program = [sys.executable, "-m", "asksage_jupyter.cli", "serve"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        address, key = (re.split("=", process.stdout.readline(), maxsplit=1)[1].strip() for _ in range(2))
        yield address, key, process.pid
        process.terminate()


@contextmanager
def proxy(python: str, folder: str, url: str) -> Iterator[tuple[str, str, int]]:
    """The same of LiteLLM's proxy before the stub."""
    config = Path(folder) / "proxy.yaml"
    config.write_text(PROXY.format(url=url), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = [str(Path(python).with_name("litellm")), "--config", str(config), "--port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    key = f"sk-{secrets.token_urlsafe(32)}"
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    alone |= {"LITELLM_MASTER_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with subprocess.Popen([*program, "--host", "127.0.0.1"], env=alone, **quiet) as process:
        address = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 120
        while not is_up(f"{address}/health/liveliness"):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit("LiteLLM's proxy did not begin")
            time.sleep(0.2)
        yield f"{address}/v1", key, process.pid
        process.terminate()


def is_up(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def main(kept: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder, stub() as url:
        os.environ |= {
            "ASKSAGE_URL": url,
            "ASKSAGE_API_KEY": "key",
            "ASKSAGE_EMAIL": "",
            "ASKSAGE_MODEL": "a-model",
            "ASKSAGE_LEDGER": f"{folder}/ledger.db",
        }
        import asksage_jupyter
        from asksage_jupyter.session import forget

        python = python_with(Path(kept or folder) / "litellm", ["litellm[proxy]"])
        with httpx.Client(base_url=url, trust_env=False) as client:
            tell("bare httpx", lambda: client.post(QUERY, json={"message": "Why?"}).json())
        asksage_jupyter.ask("Why is the sky blue?")
        tell("ask()", lambda: asksage_jupyter.ask("Why is the sky blue?"))
        forget()
        for name, served in (("the endpoint", endpoint()), ("LiteLLM's proxy", proxy(python, folder, url))):
            with (
                served as (address, key, process),
                httpx.Client(headers={"Authorization": f"Bearer {key}"}, trust_env=False) as client,
            ):

                def ask(client: httpx.Client = client, address: str = address) -> None:
                    client.post(f"{address}/chat/completions", json=ASKED, timeout=60).raise_for_status()

                for _ in range(20):
                    ask()
                tell(name, ask, process)


def tell(what: str, call: Callable[[], object], process: int | None = None) -> None:
    """Measure it; `process` is the one whose time counts, this one when absent."""
    call()
    whose = psutil.Process(process)
    before = sum(whose.cpu_times()[:2])
    each_ms = milliseconds(call)
    cpu_ms = 1000 * (sum(whose.cpu_times()[:2]) - before) / CALLS
    rate = a_second(call)
    print(
        f"{what:<15} {each_ms:6.2f} ms median, {cpu_ms:5.2f} ms CPU, {rate:5.0f} a second ({AT_ONCE} at once)"
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["stub"]:
        server = tenant()
        server.on("/v1/chat/completions", REPLY)
        print(server.url, flush=True)
        threading.Event().wait()
    main(sys.argv[1] if len(sys.argv) > 1 else None)
