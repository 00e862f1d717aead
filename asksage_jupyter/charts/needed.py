"""Altair, or one line that says how to get it."""

from __future__ import annotations

from ..errors import ConfigurationError

try:
    import altair as altair
except ModuleNotFoundError:
    message = "charts need Altair: pip install 'asksage_jupyter[analysis]'"
    raise ConfigurationError(message) from None
