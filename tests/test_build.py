"""The sidebar's build where something is in its way: told in one line, soon, and never half made."""

import importlib.util
import json
import shutil
import socket
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import node
import pytest

from asksage_jupyter.server import bundle

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[1]
NOT_COPIED = shutil.ignore_patterns("node_modules", "lib", "bundle", ".yarn", "test", "*.tsbuildinfo")


@pytest.fixture
def build(tmp_path, monkeypatch):
    """The build hook of a copy of the front end, whose package manager has nothing in store yet."""
    copy = shutil.copytree(ROOT / "labextension", tmp_path / "labextension", ignore=NOT_COPIED)
    for name in ("ASKSAGE_SIDEBAR", "SKIP_JUPYTER_BUILDER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("YARN_GLOBAL_FOLDER", str(tmp_path / "store"))
    monkeypatch.setenv("PATH", node.environment()["PATH"])
    spec = importlib.util.spec_from_file_location("hatch_build", copy / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(build, target="wheel"):
    """What the hook tells hatchling."""
    told = {"artifacts": []}
    build.BundleHook(str(build.HERE.parent), {}, None, None, "", target).initialize("standard", told)
    return told


@pytest.fixture
def closed():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and nobody listens, as long as it is bound
        yield f"https://127.0.0.1:{unused.getsockname()[1]}"


@pytest.fixture
def silent(monkeypatch):
    monkeypatch.setenv("YARN_HTTP_TIMEOUT", "300")
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"https://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def untrusted(tmp_path):
    """A registry whose certificate is of an authority that this machine does not know."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    request = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=registry",
    ]
    request += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(request, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    class Registry(ThreadingHTTPServer):
        def get_request(self):
            connection, address = super().get_request()
            return context.wrap_socket(connection, server_side=True), address  # OSError is passed over

    with Registry(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("registry", "reason"),
    [("closed", "ECONNREFUSED"), ("silent", "Timeout"), ("untrusted", "certificate")],
)
def test_an_installation_goes_on_without_the_sidebar_and_keeps_why(
    build, registry, reason, request, monkeypatch
):
    monkeypatch.setenv("YARN_NPM_REGISTRY_SERVER", request.getfixturevalue(registry))
    told = run(build)
    assert sorted(told["shared_data"].values()) == [
        "etc/jupyter/jupyter_server_config.d/asksage_jupyter.json",
        build.REASON,
    ]
    (why,) = build.LACK.read_text().splitlines()
    assert why.startswith("the npm registry was not reached (")
    assert reason in why
    assert not build.BUNDLE.exists()


@pytest.mark.parametrize("target", ["sdist", "wheel"])
def test_what_is_kept_or_checked_requires_it(build, closed, target, monkeypatch):
    monkeypatch.setenv("YARN_NPM_REGISTRY_SERVER", closed)
    if target == "wheel":
        monkeypatch.setenv("ASKSAGE_SIDEBAR", "required")
    with pytest.raises(SystemExit, match=r"could not be built: the npm registry was not reached \(.*\)\.$"):
        run(build, target)


@pytest.mark.parametrize(
    ("program", "is_required"),
    [
        ("site-packages/pyproject_hooks/_in_process/_in_process.py", True),
        ("site-packages/pip/_vendor/pyproject_hooks/_in_process/_in_process.py", False),
        ("-c", False),
    ],
)
def test_a_wheel_that_is_made_to_be_kept_is_told_from_one_to_be_installed(
    build, program, is_required, monkeypatch
):
    monkeypatch.setattr("sys.argv", [program])
    assert build._is_required() is is_required


def test_another_word_than_required_is_refused(build, monkeypatch):
    monkeypatch.setenv("ASKSAGE_SIDEBAR", "yes")
    with pytest.raises(SystemExit, match="ASKSAGE_SIDEBAR=yes: it may be required"):
        run(build)


def test_a_bundle_that_failed_half_way_never_ships(build, monkeypatch):
    def jlpm(*arguments, env):
        if arguments[0] == "build:prod":
            (build.BUNDLE / "static").mkdir(parents=True)
            (build.BUNDLE / "package.json").write_text("{}")
            return subprocess.CompletedProcess(arguments, 1, "src/a.ts(1,2): error TS1005: ';' expected.\n")
        return subprocess.CompletedProcess(arguments, 0, "")

    monkeypatch.setattr(build, "_jlpm", jlpm)
    told = run(build)
    assert not build.BUNDLE.exists()
    assert told["artifacts"] == []
    assert build.LACK.read_text() == ("jlpm build:prod failed (src/a.ts(1,2): error TS1005: ';' expected.)\n")


def test_one_that_is_older_than_its_sources_is_made_anew_and_a_lack_is_forgotten(build, monkeypatch):
    made = []

    def jlpm(*arguments, env):
        made.append(arguments[0])
        build.BUNDLE.mkdir(exist_ok=True)
        return subprocess.CompletedProcess(arguments, 0, "")

    monkeypatch.setattr(build, "_jlpm", jlpm)
    build.LACK.write_text("of another day\n")
    for _ in range(2):
        assert run(build)["shared_data"]["labextension/bundle"] == build.DATA
    assert made == ["npm", "install", "build:prod"]
    assert not build.LACK.exists()
    with (build.HERE / "src" / "index.ts").open("a") as source:
        source.write("// changed\n")
    run(build)
    assert made == ["npm", "install", "build:prod"] * 2


def test_a_build_fetches_no_test_tools():
    packages = json.loads((ROOT / "labextension" / "package.json").read_text())
    assert sorted(packages["devDependencies"]) == [
        "@jupyter/builder",
        "@types/react",
        "react-dom",
        "typescript",
    ]


@pytest.mark.parametrize(
    ("version", "is_enough"),
    [
        ("v20.20.2", False),
        ("v22.18.0", False),
        ("v22.19.0", True),
        ("v23.11.0", False),
        ("v24.6.0", True),
        ("v24.5.0", False),
        ("nonsense", False),
    ],
)
def test_a_node_that_cannot_trust_the_machines_store_is_not_used(
    build, version, is_enough, tmp_path, monkeypatch
):
    node_ = tmp_path / "bin" / "node"
    node_.parent.mkdir()
    node_.write_text(f"#!/bin/sh\necho {version}\n")
    node_.chmod(0o755)
    monkeypatch.setenv("PATH", str(node_.parent))
    assert build._has_node() is is_enough


class _File:
    """A file of an installation's record."""

    def __init__(self, path, text=None):
        self.path, self.text = path, text

    def as_posix(self):
        return self.path.as_posix()

    def locate(self):
        return self.path

    def read_text(self, encoding):
        return self.path.read_text(encoding)


@pytest.mark.parametrize(
    ("shipped", "told"),
    [
        ("labextensions/@asksage/jupyter/package.json", None),
        (
            "asksage_jupyter/no-sidebar.txt",
            "the JupyterLab sidebar is not here: no way; all else works; to have it: ",
        ),
        (
            None,
            "the JupyterLab sidebar is not here: this installation has no bundle; all else works; "
            "to have it: ",
        ),
    ],
)
def test_why_there_is_no_sidebar_is_told_in_one_line(shipped, told, tmp_path, monkeypatch):
    files = []
    if shipped:
        path = tmp_path / "share" / shipped
        path.parent.mkdir(parents=True)
        path.write_text("no way\n")
        files.append(_File(path))
    installed(monkeypatch, files)
    lack = bundle.lack()
    assert (lack if told is None else lack.partition("it: ")[0] + "it: ") == told


def installed(monkeypatch, files=(), origin=None):
    here = SimpleNamespace(files=files, read_text=lambda name: origin)
    monkeypatch.setattr(bundle.importlib.metadata, "distribution", lambda name: here)


PIP = "/env/bin/python -m pip install --force-reinstall --no-deps"


@pytest.mark.parametrize(
    ("origin", "prefix", "cure"),
    [
        ({"url": "file:///a%20b/repo", "dir_info": {}}, "/env", f"{PIP} '/a b/repo'"),
        ({"url": "file:///repo", "dir_info": {"editable": True}}, "/env", f"{PIP} --editable /repo"),
        ({"url": "file:///repo", "dir_info": {"editable": True}}, "/repo/.venv", "make -C /repo sidebar"),
        ({"url": "https://a.example/b.git", "vcs_info": {}}, "/env", f"{PIP} PATH_OF_THE_CHECKOUT"),
        (None, "/env", f"{PIP} PATH_OF_THE_CHECKOUT"),
    ],
)
def test_the_cure_builds_into_the_environment_that_lacks_it(origin, prefix, cure, monkeypatch):
    monkeypatch.setattr(bundle.sys, "executable", "/env/bin/python")
    monkeypatch.setattr(bundle.sys, "prefix", prefix)
    installed(monkeypatch, origin=origin and json.dumps(origin))
    assert bundle.lack().endswith(f"to have it: {cure}")


@pytest.mark.parametrize(
    ("variables", "npmrc", "registry"),
    [
        ({}, None, None),
        (
            {},
            "# registry=https://old.example\nregistry = https://mirror.example/npm/\n",
            "https://mirror.example/npm/",
        ),
        ({}, '@own:registry=https://own.example\nregistry="https://${WHERE}/"', "https://here.example/"),
        ({"npm_config_registry": "https://a.example"}, "registry=https://b.example", "https://a.example"),
        ({"NPM_CONFIG_REGISTRY": "https://a.example"}, None, "https://a.example"),
        (
            {"YARN_NPM_REGISTRY_SERVER": "https://y.example", "npm_config_registry": "https://a.example"},
            None,
            "https://y.example",
        ),
    ],
)
def test_the_mirror_that_npm_uses_is_the_builds_too(build, variables, npmrc, registry, tmp_path, monkeypatch):
    for name in ("YARN_NPM_REGISTRY_SERVER", "npm_config_registry", "NPM_CONFIG_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"WHERE": "here.example", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("npm_config_userconfig", str(tmp_path / ".npmrc"))
    if npmrc:
        (tmp_path / ".npmrc").write_text(npmrc)
    assert build._environment().get("YARN_NPM_REGISTRY_SERVER") == registry
