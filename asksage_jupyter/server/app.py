"""The extension as Jupyter Server knows it: settings, routes, and an end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.extension.application import ExtensionApp

from ..settings import AskSage
from .background.gauges import Gauges
from .background.hints import Hints, register_hint
from .background.refresh import Refresh
from .background.renaming import hear
from .desk import Desk
from .routes import ROUTES
from .views.prices import Prices
from .views.reader import Reader

if TYPE_CHECKING:
    from jupyter_events import EventLogger


class AskSageServer(ExtensionApp):
    """Reads the ledger for the front end.

    Whose tokens are shown is told as in a kernel: by the environment, or by ``c.AskSage.email`` and its
    siblings in Jupyter Server's configuration.
    """

    name = "asksage_jupyter"
    classes = [AskSage]  # noqa: RUF012  as traitlets has it
    _desk: Desk | None = None
    _gauges: Gauges | None = None

    def initialize_settings(self) -> None:
        """Make what the routes read from; nothing is opened before the first of them is asked."""
        settings = AskSage(parent=self)
        reader = Reader(settings)
        events: EventLogger = self.serverapp.event_logger  # type: ignore[union-attr, assignment]  # by now
        register_hint(events)
        self._desk = Desk(
            reader,
            Refresh(settings),
            Hints(reader.watch, events),
            Prices(settings, lambda: reader.latest),
        )
        self.settings[Desk.SETTING] = self._desk
        if settings.prometheus:
            self._gauges = Gauges(self._desk.meters)
            self._gauges.start()
        hear(self.serverapp, reader.renamed)  # type: ignore[arg-type]  # it is there by now

    def initialize_handlers(self) -> None:
        """Add the routes; their paths are below the server's base URL."""
        self.handlers.extend(ROUTES)

    async def stop_extension(self) -> None:
        """Stop the watch and the threads; a comparison under way is given up."""
        if self._gauges is not None:
            self._gauges.stop()
        if self._desk is not None:
            await self._desk.close()
