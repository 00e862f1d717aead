"""The demo: the quickstart notebook against the local service, in JupyterLab or checked without a browser."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from ..errors import AskSageError, BadInput, ConfigurationError

_NOTEBOOK = "01-quickstart.ipynb"
_CELL_S = 300  # a model on one slow thread
_LAB_S = 10.0


def show(notebook: Path | None, lab_options: Sequence[str]) -> int:
    """Open `notebook` in JupyterLab until it ends or Ctrl-C; returns its exit code.

    Raises
    ------
    AskSageError
        Something is missing; nothing is left running.
    """
    _need("jupyterlab")
    opened = _existing(notebook) if notebook else _quickstart(copied=True)
    tell_sidebar()
    with _running(None) as (_, environment):
        return _lab(opened, os.environ | environment, lab_options)


def check(notebook: Path | None, *, then: Callable[[], object]) -> int:
    """Execute `notebook` with a ledger and counters of its own, and call `then` while they are there.

    Raises
    ------
    AskSageError
        Something is missing, or a cell failed; nothing is left running, and no file behind.
    """
    from ..session import forget

    _need("nbclient")
    executed = _existing(notebook) if notebook else _quickstart(copied=False)
    with _running("service") as (work, environment):
        # Jupyter Server would tell the kernel its notebook; here nobody else does.
        os.environ.update(environment, ASKSAGE_LEDGER=str(work / "ledger.db"), JPY_SESSION_NAME=str(executed))
        try:
            _execute(executed, work)
            then()
        finally:
            forget()  # the ledger's file goes with the folder
    return 0


@contextlib.contextmanager
def _running(folder: str | None) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder for this run, and the environment in which Jupyter meets the local service.

    The service keeps its counters in the user's data folder, or in `folder` within the run's.
    """
    from .. import local

    weights = found_weights()
    # So that an end by `kill` also stops what was started; only the main thread may ask for it.
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="asksage-demo-", ignore_cleanup_errors=True) as made:
        work = Path(made)
        with local.start(work / folder if folder else None, weights=weights) as service:
            yield work, service.environment | _jupyter_environment(work)


def found_weights() -> Path | str:
    """The model that answers, fetched when there is none yet.

    Raises
    ------
    ConfigurationError
        It could not be fetched.
    """
    from .. import local

    found = local.chosen()
    if found is None:
        _need("xllamacpp")  # before 98 MB are fetched for nothing
        say("fetching the demo's model (98 MB, once) ...")
        found = local.fetch()
    return found


def _execute(notebook: Path, folder: Path) -> None:
    """Run every cell in a kernel of this interpreter; AskSageError names the one that failed."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    document = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(document, kernel_name="python3", timeout=_CELL_S, resources=resources)
    ran = 0

    def count(**_: object) -> None:
        nonlocal ran
        ran += 1

    client.on_cell_execute = count
    try:
        client.execute()
    except CellExecutionError as error:
        first = (error.evalue.splitlines() or [""])[0]
        raise AskSageError(f"{notebook.name}, code cell {ran}: {error.ename}: {first}") from None
    except (CellTimeoutError, RuntimeError) as error:  # RuntimeError: the kernel died or never came
        raise AskSageError(f"{notebook.name}, code cell {ran}: {str(error).splitlines()[0]}") from None
    say(f"{notebook.name}: all {ran} code cells ran")


def _lab(notebook: Path, environment: dict[str, str], options: Sequence[str]) -> int:
    """JupyterLab with `notebook` open, until it ends or Ctrl-C."""
    # Not as the file to open: then the addresses that are printed, and copied to a browser elsewhere, would
    # lead to the launcher.
    opened = [
        f"--ServerApp.root_dir={notebook.parent}",
        f"--LabApp.default_url=/lab/tree/{quote(notebook.name)}",
    ]
    command = [sys.executable, "-m", "jupyterlab", *opened, "-y", *options]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container; it listens on loopback only
    lab = subprocess.Popen(command, env=environment)  # noqa: S603  our own interpreter's JupyterLab
    try:
        return lab.wait()
    except KeyboardInterrupt:
        # JupyterLab ends its kernels before it ends itself.
        lab.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            lab.wait(_LAB_S)
        return 0
    finally:
        if lab.poll() is None:
            lab.kill()
            lab.wait()


def _jupyter_environment(work: Path) -> dict[str, str]:
    """Variables under which "python3" is this very interpreter, and JupyterLab asks nothing about news."""
    from ipykernel.kernelspec import write_kernel_spec

    # JUPYTER_PATH goes before every place where a kernel of another Python may be registered.
    (work / "kernels").mkdir()
    write_kernel_spec(work / "kernels" / "python3")
    (work / "labconfig").mkdir()
    quiet = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (work / "labconfig" / "page_config.json").write_text(json.dumps(quiet), encoding="utf-8")
    return {
        name: os.pathsep.join(filter(None, [str(work), os.environ.get(name)]))
        for name in ("JUPYTER_PATH", "JUPYTER_CONFIG_PATH")
    }


def _quickstart(*, copied: bool) -> Path:
    """The quickstart: the package's or the checkout's, `copied` for the person to work in.

    The copy lies in the current folder; a checkout's in its own folder ``demo``, which git ignores.
    """
    package = Path(__file__).parents[1]
    inside, mine = package / "notebooks" / _NOTEBOOK, Path.cwd() / _NOTEBOOK
    if not inside.is_file():
        checkout = package.parent
        inside, mine = _existing(checkout / "notebooks" / _NOTEBOOK), checkout / "demo" / _NOTEBOOK
    if not copied:
        return inside
    if not mine.exists():
        try:
            mine.parent.mkdir(exist_ok=True)
            shutil.copyfile(inside, mine)
        except OSError as error:
            raise BadInput(f"the quickstart cannot be copied to {mine}: {error.strerror}") from None
    return mine


def _existing(notebook: Path) -> Path:
    if not notebook.is_file():
        raise BadInput(f"there is no notebook {notebook}")
    return notebook.resolve()


def _need(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise ConfigurationError(
            f'the demo needs {package}: run  {sys.executable} -m pip install "asksage_jupyter[demo]"'
        )


def tell_sidebar() -> None:
    """One line when JupyterLab will show no sidebar; nothing when it will."""
    from ..server.bundle import lack

    if (lacking := lack()) is not None:
        say(lacking[0].upper() + lacking[1:])


def say(words: str) -> None:
    """Tell the person something that is not the command's result."""
    sys.stderr.write(words + "\n")
    sys.stderr.flush()
