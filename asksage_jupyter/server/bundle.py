"""Whether the sidebar's bundle came with this installation, and why not."""

from __future__ import annotations

import importlib.metadata
import shlex
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ..beside import parsed

_BUNDLE = "labextensions/@asksage/jupyter/package.json"
_REASON = "asksage_jupyter/no-sidebar.txt"


def lack() -> str | None:
    """Why JupyterLab shows no sidebar, in one line with the cure; None where it is there.

    The package's own record is asked, which knows where its shared files lie, and whence it was installed.
    """
    try:
        here = importlib.metadata.distribution("asksage_jupyter")
        files, origin = here.files or [], here.read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        files, origin = [], None
    shared = {end: file for file in files for end in (_BUNDLE, _REASON) if file.as_posix().endswith(end)}
    if _BUNDLE in shared and Path(shared[_BUNDLE].locate()).is_file():
        return None
    try:
        reason = shared[_REASON].read_text(encoding="utf-8").strip()
    except (KeyError, OSError):
        reason = "this installation has no bundle"
    return f"the JupyterLab sidebar is not here: {reason}; all else works; to have it: {_cure(origin)}"


def _cure(origin: str | None) -> str:
    """What builds the sidebar into this very environment.

    Parameters
    ----------
    origin : str or None
        From where this was installed, as PEP 610 tells it.
    """
    options, folder = "", "PATH_OF_THE_CHECKOUT"
    match parsed(origin or ""):
        case {"url": str(url), "dir_info": dict(told)}:
            checkout = Path(url2pathname(urlsplit(url).path))
            if Path(sys.prefix) == checkout / ".venv":
                return f"make -C {shlex.quote(str(checkout))} sidebar"
            options = "--editable " if told.get("editable") else ""
            folder = shlex.quote(str(checkout))
    python = shlex.quote(sys.executable)
    return f"{python} -m pip install --force-reinstall --no-deps {options}{folder}"
