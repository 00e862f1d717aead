"""A real JupyterLab and a real browser, for the tests of what a person sees.

With DOCS_PICTURES=1 (``make screenshots``) the pictures of README and docs are taken on the way.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from announced import announced
from ipykernel.kernelspec import write_kernel_spec
from patience import WAIT_S
from platformdirs import user_cache_path
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
QUICKSTART, MONTHS = NOTEBOOKS / "01-quickstart.ipynb", NOTEBOOKS / "02-months.ipynb"
PICTURES = NOTEBOOKS.parent / "docs" / "pictures"
PICTURES_WANTED = bool(os.environ.get("DOCS_PICTURES"))
WAIT_MS = 1000 * WAIT_S
_LEDGER = "ledger.db"
expect.set_options(timeout=WAIT_MS)  # a machine under load is slow, not wrong

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")
_QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

_LAB_OPTIONS = ("--no-browser", "--LabApp.expose_app_in_browser=True")
_NO_NEWS = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
_KERNEL_IS_IDLE = (
    "() => window.jupyterapp.shell.currentWidget?.context?.sessionContext?.session?.kernel?.status === 'idle'"
)


@dataclass(frozen=True, slots=True)
class Lab:
    """A JupyterLab that runs.

    Attributes
    ----------
    address : str
        With its token.
    folder : Path
        Its root, and everything it keeps.
    """

    address: str
    folder: Path

    @property
    def ledger(self) -> Path:
        """The ledger of its kernels."""
        return self.folder / _LEDGER

    def at(self, path: str) -> str:
        """The address of another page of its server."""
        return re.sub(r"/lab\b[^?]*\?", f"/{path}?", self.address)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_QUIET)
        yield browser
        browser.close()


@contextmanager
def demo_lab(folder: Path) -> Iterator[Lab]:
    """JupyterLab as `asksage-jupyter demo` starts it, with our notebooks and all it keeps in `folder`."""
    for notebook in (QUICKSTART, MONTHS):
        shutil.copy(notebook, folder)
    demo = ("asksage_jupyter.cli", "demo", "--notebook", str(folder / QUICKSTART.name), "--")
    weights = {"XDG_CACHE_HOME": str(user_cache_path())}
    with _started(demo, ("--ServerApp.port=0",), folder, weights) as lab:
        yield lab


@contextmanager
def plain_lab(
    folder: Path, settings: Mapping[str, str], *options: str, python: str | Path = sys.executable
) -> Iterator[Lab]:
    """JupyterLab with the environment `settings`, and all it keeps in `folder`."""
    kernel = folder / "data" / "kernels" / "python3"
    if not kernel.exists():  # from a run before
        write_kernel_spec(kernel)
        (folder / "config" / "labconfig").mkdir(parents=True)
        (folder / "config" / "labconfig" / "page_config.json").write_text(json.dumps(_NO_NEWS))
    options = ("--allow-root", *(options or ("--ServerApp.port=0",)))
    with _started(("jupyterlab",), options, folder, settings, python) as lab:
        yield lab


@contextmanager
def _started(
    module: Sequence[str],
    options: Sequence[str],
    folder: Path,
    settings: Mapping[str, str],
    python: str | Path = sys.executable,
) -> Iterator[Lab]:
    kept = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("DATA", "CONFIG", "RUNTIME")}
    kept |= {f"JUPYTERLAB_{name}_DIR": str(folder / name.lower()) for name in ("SETTINGS", "WORKSPACES")}
    kept |= {
        "HOME": str(folder),
        "IPYTHONDIR": str(folder / "ipython"),
        "XDG_DATA_HOME": str(folder / "data"),
    }
    kept |= {"ASKSAGE_LEDGER": str(folder / _LEDGER)}
    others = {name: value for name, value in os.environ.items() if not name.startswith("ASKSAGE_")}
    process = subprocess.Popen(
        [python, "-m", *module, *_LAB_OPTIONS, *options],
        env=others | kept | dict(settings),
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
    try:
        yield Lab(announced(process, r"http://127\.0\.0\.1:\d+/lab\S*")[0], folder)
    finally:
        process.terminate()
        process.wait(timeout=WAIT_S)
        process.stderr.close()


def opened(browser: Browser, lab: Lab, notebook: Path, **look: object) -> Page:
    """A page with the notebook open and its kernel ready; `look` is the page's, as Playwright has it."""
    tall = {"viewport": {"width": 1000, "height": 4200}, "device_scale_factor": 1.5}
    page = browser.new_page(**(tall | look))
    page.set_default_timeout(WAIT_MS)  # of clicks, too, which have 30 s otherwise
    visit(page, lab, notebook)
    return page


def visit(page: Page, lab: Lab, notebook: Path) -> None:
    """Open the notebook in JupyterLab, and nothing beside it; its kernel is ready then."""
    page.goto(f"{lab.at(f'lab/tree/{notebook.name}')}&reset", timeout=WAIT_MS)
    page.wait_for_function("() => window.jupyterapp", timeout=WAIT_MS)
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=WAIT_MS)
    page.wait_for_function(_KERNEL_IS_IDLE, timeout=WAIT_MS)
    command(page, "application:toggle-left-area")


def command(page: Page, name: str, arguments: Mapping[str, object] | None = None) -> None:
    """Run a command of JupyterLab's; its promise is not returned, for waiting on it can hang."""
    page.evaluate(
        "([name, options]) => { void window.jupyterapp.commands.execute(name, options); }",
        [name, dict(arguments or {})],
    )


def set_theme(page: Page, theme: str) -> None:
    """Show JupyterLab in one of its themes, such as "JupyterLab Dark"."""
    command(page, "apputils:change-theme", {"theme": theme})
    page.wait_for_selector(f'body[data-jp-theme-name="{theme}"]', state="attached", timeout=WAIT_MS)
    page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=WAIT_MS)


def picture(page: Page, name: str, top: Locator | None = None, bottom: Locator | None = None) -> None:
    """Keep the page, or what lies between two elements, as a picture, when pictures are asked for."""
    if not PICTURES_WANTED:
        return
    clip = None
    if top and bottom:
        first, last = top.bounding_box(), bottom.bounding_box()
        clip = first | {"height": last["y"] + last["height"] - first["y"]}
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", clip=clip)
