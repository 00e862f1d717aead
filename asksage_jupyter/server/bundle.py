"""Whether the sidebar's bundle came with this installation, and why not."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

_BUNDLE = "labextensions/@asksage/jupyter/package.json"
_REASON = "asksage_jupyter/no-sidebar.txt"
_CURE = "all else works; to have it, in the checkout: make sidebar"


def lack() -> str | None:
    """Why JupyterLab shows no sidebar, in one line with the cure; None where it is there.

    The package's own record is asked, which knows where its shared files lie.
    """
    try:
        files = importlib.metadata.files("asksage_jupyter") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    shared = {end: file for file in files for end in (_BUNDLE, _REASON) if file.as_posix().endswith(end)}
    if _BUNDLE in shared and Path(shared[_BUNDLE].locate()).is_file():
        return None
    try:
        reason = shared[_REASON].read_text(encoding="utf-8").strip()
    except (KeyError, OSError):
        reason = "this installation has no bundle"
    return f"the JupyterLab sidebar is not here: {reason}; {_CURE}"
