"""The ear between the stream and the display."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...display.notices import warn
from ...display.plain import told

if TYPE_CHECKING:
    from collections.abc import Callable


class Listener:
    """Passes the text so far on to a display, and outlives the display's failure.

    Attributes
    ----------
    text : str
        The reply as far as it has arrived.
    on_first : callable
        Called before the first text is passed on.
    """

    def __init__(self, on_text: Callable[[str], None] | None) -> None:
        self.text = ""
        self.on_first: Callable[[], object] = lambda: None
        self._on_text = on_text

    def __call__(self, text: str) -> None:
        """Hear `text`, the whole of the reply so far."""
        is_first, self.text = not self.text, text
        if self._on_text is None:
            return
        try:
            if is_first:
                self.on_first()
            self._on_text(text)
        except Exception as error:  # noqa: BLE001  a display must not cost the person a paid reply
            self._on_text = None
            warn(f"the reply cannot be shown while it arrives: {told(error)}")
