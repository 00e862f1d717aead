"""Real clients on one account, beside a kernel's cells: what they spend is debited to the token.

Run it from a checkout: ``python benchmarks/clients.py [FOLDER]``. For each client it makes an environment
of its own (kept in FOLDER, where one is named), installs the client from your package index, and lets it
ask 50 times while cells of a kernel ask too: a scripted tenant, and the demo with its real model. Each line
tells what the service billed, what the ledger debited, what stays held, what a reconciliation says, and who
asked. It fails where they do not agree, or more was spent than there is.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from jupyter_client.manager import start_new_kernel

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from tenant import USED, environment, open_tenant, questions

CALLS, BILL, CELLS = 50, 63, 10
CELL = "%%asksage\nWhy is the sky blue?"
_BEGIN = f"""
import os
model, calls, prompt = os.environ["MODEL"], range({CALLS}), "Why is the sky blue?"
asked = dict(model=model, messages=[dict(role="user", content=prompt)])
"""

PACKAGES = {
    "openai": ["openai"],
    "litellm": ["litellm"],
    "langchain": ["langchain-openai"],
    "jupyterai": ["jupyter-ai-magics>=2.31,<3", "langchain-openai<1", "ipykernel"],
}
# What a client is called, where it is installed, and what it does.
CLIENTS = {
    "openai": (
        "openai",
        """
from openai import OpenAI
client = OpenAI()
for _ in calls:
    reply = client.chat.completions.create(**asked)
    assert reply.choices[0].message.content and reply.usage.asksage_tokens, reply
""",
    ),
    "openai, streaming": (
        "openai",
        """
from openai import OpenAI
client = OpenAI()
for _ in calls:
    *_, last = client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    assert last.usage.asksage_tokens, last
""",
    ),
    "openai, async": (
        "openai",
        """
import asyncio
from openai import AsyncOpenAI
async def ask():
    async with AsyncOpenAI() as client:
        for reply in await asyncio.gather(*(client.chat.completions.create(**asked) for _ in calls)):
            assert reply.choices[0].message.content, reply
asyncio.run(ask())
""",
    ),
    "litellm": (
        "litellm",
        """
import litellm
asked["model"] = f"openai/{model}"
for number in calls:
    if number % 2:
        events = litellm.completion(**asked, stream=True)
        assert "".join(each.choices[0].delta.content or "" for each in events)
    else:
        assert litellm.completion(**asked).usage.asksage_tokens
""",
    ),
    "langchain-openai": (
        "langchain",
        """
from langchain_openai import ChatOpenAI
chat = ChatOpenAI(model=model)
for n in calls:
    told = chat.invoke(prompt).content if n % 2 else "".join(each.content for each in chat.stream(prompt))
    assert told
""",
    ),
    "jupyter-ai's %%ai": (
        "jupyterai",
        """
from jupyter_client.manager import start_new_kernel
manager, kernel = start_new_kernel()
def run(code):
    told = []
    done = kernel.execute_interactive(code, output_hook=told.append, timeout=60)
    assert done["content"]["status"] == "ok", told
    shown = "stream", "display_data", "execute_result"
    return str([each["content"] for each in told if each["msg_type"] in shown])
run("%load_ext jupyter_ai_magics")
for _ in calls:
    said = run(f"%%ai openai-chat-custom:{model} -f text\\n{prompt}")
    assert len(said) > 10, said
kernel.stop_channels()
manager.shutdown_kernel(now=True)
""",
    ),
}


@contextmanager
def scripted(folder: str) -> Iterator[tuple[dict[str, str], Callable[[], int]]]:
    """The variables of a scripted tenant that counts what it billed, and that count."""
    with closing(open_tenant()) as server:

        def billed() -> int:
            return BILL * len(questions(server))

        server.on("/server/count-monthly-tokens", lambda _: {"response": USED + billed(), "status": 200})
        server.on(
            "/server/count-monthly-tokens-left-with-org",
            lambda _: {"response": 200_000 - USED - billed(), "status": 200},
        )
        yield environment(server, folder), billed


@contextmanager
def demo(folder: str) -> Iterator[tuple[dict[str, str], Callable[[], int]]]:
    """The same of the demo, whose model writes at most eight words or so."""
    from asksage_jupyter import local
    from asksage_jupyter.account import Meter

    with local.start(Path(folder) / "demo", weights=local.fetch(), output_limit=8) as service:
        variables = service.environment | {"ASKSAGE_LEDGER": f"{folder}/ledger.db"}

        def billed() -> int:
            from asksage_jupyter.session import current

            return current().service.used(Meter.INFERENCE) or 0

        yield variables, billed


def python_with(folder: Path, packages: list[str]) -> str:
    """A Python of its own that has the packages; where it is there already, that one."""
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
    return str(python)


@contextmanager
def asking_cells() -> Iterator[Callable[[], None]]:
    """What runs a few cells in a kernel."""
    manager, kernel = start_new_kernel()

    def run(code: str = CELL) -> None:
        told: list[dict] = []
        done = kernel.execute_interactive(code, output_hook=told.append, timeout=120)
        assert done["content"]["status"] == "ok", told

    try:
        run("%load_ext asksage_jupyter")
        yield lambda: [run() for _ in range(CELLS)]
    finally:
        kernel.stop_channels()
        manager.shutdown_kernel(now=True)


def try_out(name: str, python: str, code: str, at: Callable, where: str) -> bool:
    """Let a client ask beside cells, say what came of it, and whether all of it agrees."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        variables, billed = stack.enter_context(at(folder))
        os.environ |= variables
        import asksage_jupyter as sage
        from asksage_jupyter.endpoint import Endpoint
        from asksage_jupyter.session import forget
        from asksage_jupyter.settings import AskSage

        AskSage.clear_instance()
        stack.callback(forget)
        before = sage.balance().inference.used
        endpoint = stack.enter_context(closing(Endpoint()))
        cells = stack.enter_context(asking_cells())
        bare = {each: value for each, value in os.environ.items() if not each.startswith("ASKSAGE_")}
        bare |= endpoint.environment | {"MODEL": variables["ASKSAGE_MODEL"]}
        with subprocess.Popen(
            [python, "-c", _BEGIN + code], env=bare, stderr=subprocess.PIPE, text=True
        ) as run:
            cells()
            said = run.communicate()[1]
        after, log = sage.balance().inference, sage.usage()
        debited, found = after.used - before, sage.reconcile()
        clients = log["client"].astype("object").fillna("cells").value_counts().to_dict()
        agrees = (
            run.returncode == 0
            and len(log) == CALLS + CELLS
            and debited == log["tokens"].sum() == billed()
            and after.held == 0
            and not found.changed
            and after.used <= (after.granted or 0)
        )
        print(
            f"{name:<17} {where:<8} {'ok' if agrees else 'FAILED'}: {billed():,} billed, "
            f"{debited:,} debited, {after.held} held. {found.words} {clients}",
            flush=True,
        )
        if run.returncode:
            print(said[-2000:])
        return agrees


def main(kept: str | None) -> int:
    with tempfile.TemporaryDirectory() as folder:
        base = Path(kept or folder)
        done = []
        for name, (where, code) in CLIENTS.items():
            python = python_with(base / where, PACKAGES[where])
            for told, at in (("scripted", scripted), ("demo", demo)):
                done.append(try_out(name, python, code, at, told))
    return 0 if all(done) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else None))
