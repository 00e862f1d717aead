"""What every test stands on: settings of its own, and one real demo service for the whole run."""

from __future__ import annotations

import gc
import os
import signal
import sys

import pytest
from hypothesis import settings
from IPython.core.interactiveshell import InteractiveShell
from tenant import environment, open_tenant
from traitlets.config import Config

from asksage_jupyter import local, magic, session
from asksage_jupyter.session.holder import credentials
from asksage_jupyter.settings import AskSage

# The same examples in every run, however slow the machine: a failure here is a failure everywhere.
settings.load_profile("ci")

# A shell that begins the run in the background has Ctrl-C ignored, also by all that the run starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


# What `make quick` does without: what starts programs to speak with, by the fixture that starts them.
LARGE = {"browser", "demo", "hub", "kernel_spec", "lab", "learned", "postgres", "service", "wheel"}


def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true", help="no other programs, no long proofs")


def is_large(item):
    is_long = item.get_closest_marker("long") is not None
    return is_long or "postgres" in item.name or not LARGE.isdisjoint(item.fixturenames)


def pytest_collection_modifyitems(config, items):
    left_out = [item for item in items if is_large(item)]
    if config.getoption("--quick"):
        config.hook.pytest_deselected(items=left_out)
        are_out = set(left_out)
        items[:] = [item for item in items if item not in are_out]
    else:
        # The longest first, that at the end no core has to wait for one file: what needs a browser, then what
        # starts other programs.
        with_browser = {item.path for item in items if "browser" in item.fixturenames}
        are_large = {item.path for item in left_out}
        items.sort(key=lambda item: (item.path not in with_browser, item.path not in are_large))


def pytest_terminal_summary(terminalreporter):
    """Tell why a test was run once more: of what is late or wrong now and then it is the only trace."""
    for report in terminalreporter.getreports("rerun"):
        terminalreporter.section(f"run once more: {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)


@pytest.fixture(scope="module", autouse=True)
def small_heap():
    """IPython collects garbage whenever it is reset: let it not look through all that is imported by now."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def own_settings(monkeypatch, tmp_path):
    """No test sees the person's settings, key or ledger, nor another test's."""
    for name in [name for name in os.environ if name.startswith(("ASKSAGE_", "JPY_SESSION_NAME"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ASKSAGE_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    AskSage.clear_instance()
    yield
    session.forget()
    credentials._of_this_session.clear()
    AskSage.clear_instance()


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The demo service with its real model, and short replies."""
    with local.start(tmp_path_factory.mktemp("local"), weights=local.fetch(), output_limit=24) as service:
        yield service


@pytest.fixture
def at_demo(demo, own_settings, monkeypatch):
    """This process's settings point at the demo service."""
    for name, value in demo.environment.items():
        monkeypatch.setenv(name, value)
    AskSage.clear_instance()
    return demo


@pytest.fixture(scope="module")
def kept_shell():
    """An IPython without a history file; it takes the place of ``__main__``, which is given back."""
    main = sys.modules["__main__"]
    config = Config()
    config.HistoryManager.enabled = False
    yield InteractiveShell.instance(config=config)
    InteractiveShell.clear_instance()
    sys.modules["__main__"] = main


@pytest.fixture
def shell(kept_shell):
    """An IPython with the extension loaded and nothing else defined."""
    magic.register(kept_shell)
    yield kept_shell
    magic.unregister(kept_shell)
    kept_shell.reset(new_session=False)


@pytest.fixture
def server(own_settings, monkeypatch, tmp_path):
    """A scripted tenant, and settings that point at it."""
    server = open_tenant()
    for name, value in environment(server, tmp_path).items():
        monkeypatch.setenv(name, value)
    yield server
    session.forget()  # before the server goes
    server.close()
