"""The panel: balances as a stock ipywidget, live in every notebook of the account."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import uuid4

from IPython.core.getipython import get_ipython
from IPython.display import display
from ipywidgets import HTML, Layout  # type: ignore[import-untyped]  # it has none

from ..errors import AskSageError
from ..session import Session, current
from .output import is_in_output
from .page import html
from .state import PanelState
from .words import Shown, text

__all__ = ["Panel", "panel"]

_CLOSED = "this panel is closed: asksage_jupyter.panel() makes a new one."
_panel: Panel | None = None


def panel() -> Panel:
    """Both meters as bars, the reset date and the last call; follows the debits of all kernels.

    A kernel has one panel: shown in several places, all of them follow. At first contact with an account
    the service is asked what it has. What goes wrong then or later stands in the panel, as one line.

    Returns
    -------
    Panel
        ``close()`` ends it; another call makes a new one.

    Raises
    ------
    ConfigurationError
        The settings name no usable service.
    """
    global _panel
    session = current()
    if _panel is None or _panel.comm is None:
        _panel = Panel()
    _panel.follow(session)
    return _panel


def put_away() -> None:
    """Close this kernel's panel, if there is one."""
    if _panel is not None and _panel.comm is not None:
        _panel.close()


class Panel(HTML):  # type: ignore[misc]  # of no known type
    """A card over a `PanelState`.

    Inside another widget, an ``Output`` too, it is a widget. In a cell's output it is the card itself, kept
    up to date by its display id: a widget's output is an error message once its kernel is gone, and empty in
    an export.
    """

    _state: PanelState | None = None

    def __init__(self) -> None:
        super().__init__(layout=Layout(width="auto"))
        self._display_id = uuid4().hex
        self._displayed: dict[str, str] | None = None

    def follow(self, session: Session, *, contact: bool = True) -> None:
        """Show this session's account from now on, and that of the next session when a setting changes."""
        self._leave()
        self._state = PanelState(session, contact=contact)
        self._state.observe(self._show, "shown")
        self._session = session
        session.settings.observe(self._move)
        self._show()

    def close(self) -> None:
        """Stop following; what is displayed says so."""
        self._leave()
        if self._displayed is not None:
            self._display(update=True)
            self._displayed = None
        super().close()

    def _leave(self) -> None:
        state, self._state = self._state, None
        if state is not None:
            state.unobserve(self._show, "shown")
            state.stop()
            self._session.settings.unobserve(self._move)

    def _move(self, _: object) -> None:
        """A setting changed: it may have been one that a session is made from."""
        with suppress(AskSageError):  # between two settings there may be no usable pair
            if (session := current()) is not self._session:
                self.follow(session, contact=False)

    def _show(self, _: object = None) -> None:
        if state := self._state:
            self.value = html(state.shown, live=True)
            if self._displayed is not None and self._card() != self._displayed:
                self._display(update=True)

    def _card(self) -> dict[str, str]:
        """The card as it is kept in a notebook: dates, and no ages."""
        shown = self._state.shown if self._state else Shown(trouble=_CLOSED)
        return {"text/plain": text(shown), "text/html": html(shown, live=False)}

    def _display(self, *, update: bool = False) -> None:
        card = self._card()
        display(  # type: ignore[no-untyped-call]  # it has no types
            card, raw=True, display_id=self._display_id, update=update
        )
        if hasattr(get_ipython(), "kernel"):  # a terminal would print it anew each time
            self._displayed = card

    def _ipython_display_(self, **_: object) -> None:
        if is_in_output(get_ipython()):  # which drops whatever would update a card
            display(self._repr_mimebundle_(), raw=True)  # type: ignore[no-untyped-call]
        else:
            self._display()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """The widget for those who render it; else the card, or the text."""
        bundle: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        return bundle | self._card()
