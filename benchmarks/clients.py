"""Real clients on one account, beside cells: what they spend through the endpoint is debited to the token.

Run it from a checkout: ``python benchmarks/clients.py``. For each client it makes an environment of its own,
installs the client from your package index, and lets it ask a scripted tenant 50 times while cells ask too.
Each line tells what the tenant billed, what the ledger debited, what stays held, and who asked.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from tenant import MODEL, environment, open_tenant, questions

CALLS, BILL, CELLS = 50, 63, 10
_PROMPT = [{"role": "user", "content": "Why is the sky blue?"}]

CLIENTS = {
    "openai": (
        ["openai"],
        f"""
from openai import OpenAI
client = OpenAI()
for number in range({CALLS}):
    reply = client.chat.completions.create(model={MODEL!r}, messages={_PROMPT}, stream=number % 2 == 1)
    if number % 2:
        text = "".join(event.choices[0].delta.content or "" for event in reply)
    else:
        text = reply.choices[0].message.content
    assert text == "The sky is blue.", text
""",
    ),
    "openai, async": (
        ["openai"],
        f"""
import asyncio
from openai import AsyncOpenAI
async def ask():
    async with AsyncOpenAI() as client:
        asked = [client.chat.completions.create(model={MODEL!r}, messages={_PROMPT}) for _ in range({CALLS})]
        for reply in await asyncio.gather(*asked):
            assert reply.choices[0].message.content == "The sky is blue.", reply
asyncio.run(ask())
""",
    ),
    "litellm": (
        ["litellm"],
        f"""
import litellm
for number in range({CALLS}):
    reply = litellm.completion(model="openai/{MODEL}", messages={_PROMPT})
    assert reply.choices[0].message.content == "The sky is blue.", reply
    assert reply.usage.asksage_tokens == {BILL}, reply.usage
""",
    ),
    "langchain-openai": (
        ["langchain-openai"],
        f"""
from langchain_openai import ChatOpenAI
model = ChatOpenAI(model={MODEL!r})
for number in range({CALLS}):
    streamed = "".join(chunk.content for chunk in model.stream("Why?")) if number % 2 else ""
    text = streamed or model.invoke("Why?").content
    assert text == "The sky is blue.", text
""",
    ),
    "jupyter-ai %%ai": (
        ["jupyter-ai-magics>=2.31,<3", "langchain-openai<1"],
        f"""
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "jupyter_ai_magics")
for number in range({CALLS}):
    with capture_output() as said:
        ran = shell.run_cell("%%ai openai-chat-custom:{MODEL} -f text\\nWhy is the sky blue?")
    ran.raise_error()
    shown = said.stdout + str(said.outputs) + str(ran.result)
    assert "The sky is blue." in shown, shown
""",
    ),
}


def python_with(folder: Path, packages: list[str]) -> str:
    """A Python of its own that has the packages."""
    venv.create(folder, with_pip=True)
    python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return python


def tried(name: str, python: str, code: str) -> None:
    """Let a client ask beside cells, and say what came of it."""
    with tempfile.TemporaryDirectory() as folder, closing(open_tenant()) as server:
        os.environ |= environment(server, folder)
        import asksage_jupyter as sage
        from asksage_jupyter.endpoint import Endpoint
        from asksage_jupyter.session import forget
        from asksage_jupyter.settings import AskSage

        AskSage.clear_instance()
        before = sage.balance().inference.used
        with closing(Endpoint()) as endpoint:
            bare = {each: value for each, value in os.environ.items() if not each.startswith("ASKSAGE_")}
            variables = bare | endpoint.environment
            with subprocess.Popen(
                [python, "-c", code], env=variables, stderr=subprocess.PIPE, text=True
            ) as run:
                for _ in range(CELLS):
                    sage.ask("Why is the sky blue?")
                said = run.communicate()[1]
        after = sage.balance().inference
        billed, debited = BILL * len(questions(server)), after.used - before
        clients = sage.usage()["client"].value_counts().to_dict()
        how = "FAILED" if run.returncode else "ok"
        print(f"{name:<17} {how}: {billed:,} billed, {debited:,} debited, {after.held} held; {clients}")
        if run.returncode:
            print(said[-2000:])
        forget()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, (packages, code) in CLIENTS.items():
            tried(name, python_with(Path(tempfile.mkdtemp(dir=folder)), packages), code)


if __name__ == "__main__":
    main()
