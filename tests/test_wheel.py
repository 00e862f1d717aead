"""The package as people install it: built from a checkout without Node, put into a clean environment."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib import metadata
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[1]
LEFT_BEHIND = shutil.ignore_patterns(
    ".git",
    ".venv",
    ".*_cache",
    ".hypothesis",
    ".coverage*",
    "node_modules",
    "lib",
    "bundle",
    "tests",
    "__pycache__",
)
SIDEBAR = "share/jupyter/labextensions/@asksage/jupyter"


@pytest.fixture(scope="module")
def without_node(tmp_path_factory):
    """Run a command where nothing is on the PATH, so no Node either."""
    nothing = tmp_path_factory.mktemp("nothing-on-the-path")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "PYTHON"))}
    env |= {"PATH": str(nothing), "NO_COLOR": "1"}

    def run(*command: object) -> str:
        done = subprocess.run(
            [str(part) for part in command],
            env=env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    return run


@pytest.fixture(scope="module")
def built(tmp_path_factory, without_node):
    """A folder with the source distribution of a checkout, and the wheel that was built from it."""
    made = tmp_path_factory.mktemp("built")
    checkout = shutil.copytree(ROOT, made / "checkout", ignore=LEFT_BEHIND)
    without_node(sys.executable, "-m", "build", "--outdir", made, checkout)
    return made


@pytest.fixture(scope="module")
def wheel(built):
    (wheel,) = built.glob("*.whl")
    return wheel


def test_the_source_distribution_carries_the_bundle_and_what_it_is_made_from(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= {
        "labextension/bundle/package.json",
        "labextension/src/index.ts",
        "labextension/yarn.lock",
    }
    assert not [name for name in names if "node_modules" in name or name.startswith("labextension/lib/")]


def test_python_and_npm_packages_have_one_version(wheel):
    npm = json.loads((ROOT / "labextension/package.json").read_text())["version"]
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(f"{SIDEBAR}/package.json")]
        bundled = json.loads(archive.read(name))["version"]
    assert wheel.name.split("-")[1] == npm == bundled == version("asksage_jupyter")
    assert "version" not in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_wheel_carries_the_bundle_and_no_sources_of_it(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert [name for name in names if re.search(rf"{SIDEBAR}/static/remoteEntry\.\w+\.js$", name)]
    assert [
        name for name in names if name.endswith("etc/jupyter/jupyter_server_config.d/asksage_jupyter.json")
    ]
    assert not [
        name for name in names if name.endswith((".ts", ".tsx", "yarn.lock")) or "node_modules" in name
    ]


def test_jupyterlab_finds_the_sidebar_enabled_in_a_clean_environment_without_node(
    wheel, tmp_path, without_node
):
    without_node(sys.executable, "-m", "venv", "--without-pip", tmp_path)
    bin_ = tmp_path / ("Scripts" if os.name == "nt" else "bin")
    pip = (sys.executable, "-m", "pip", "--python", bin_ / "python", "install", "--quiet")
    without_node(*pip, "--no-compile", wheel, "jupyterlab")  # what is imported compiles itself
    listed = without_node(bin_ / "jupyter-labextension", "list")
    assert re.search(r"@asksage/jupyter v\S+ .*enabled.*OK", listed)
    servers = without_node(bin_ / "jupyter-server", "extension", "list")
    assert re.search(r"asksage_jupyter \S+ .*OK", servers)


def _closure(wanted):
    """All distributions that requirements bring along here, by their canonical names."""
    todo, seen = [Requirement(each) for each in wanted], set()
    while todo:
        needed = todo.pop()
        extras = ("", *sorted(needed.extras))
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        if (key := (canonicalize_name(needed.name), extras)) in seen:
            continue
        seen.add(key)
        for below in map(Requirement, metadata.requires(needed.name) or ()):
            if below.marker is None or any(below.marker.evaluate({"extra": extra}) for extra in extras):
                below.marker = None
                todo.append(below)
    return {name for name, _ in seen}


def test_beside_jupyterlab_ten_distributions_are_added_at_most():
    """With itself; what more costs a person time, trust and conflicts, and goes into an extra."""
    base = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    added = _closure(base) - _closure(["jupyterlab"])
    assert len(added | {"asksage-jupyter"}) <= 10, sorted(added)
