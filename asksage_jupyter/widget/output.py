"""Whether an ``ipywidgets.Output`` takes what is shown: it keeps each output as it first came."""

from __future__ import annotations

from typing import Any

from ipywidgets import Widget  # type: ignore[import-untyped]  # it has none
from ipywidgets.widgets import widget  # type: ignore[import-untyped]  # it has none


def is_in_output(shell: Any) -> bool:
    """Whether what the request under way shows goes into such a widget; never outside of a kernel."""
    kernel = getattr(shell, "kernel", None)
    request = (kernel.get_parent("shell") or {}) if kernel is not None else {}
    asked = (request.get("header") or {}).get("msg_id")
    there = getattr(widget, "_instances", None) or getattr(Widget, "widgets", {})
    return bool(asked) and any(getattr(each, "msg_id", None) == asked for each in list(there.values()))
