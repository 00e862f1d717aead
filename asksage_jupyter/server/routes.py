"""The routes: who may ask, what was asked, and how it is answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import ApiPath, to_api_path, to_os_path
from tornado.web import authenticated

from ..account import Meter
from ..beside import parsed
from ..errors import BadInput
from ..prompting.counted import Counted
from ..prompting.footing import Footing
from .desk import Desk, NotAnswered

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from .wire.figures import Wire

_LONGEST_PATH = 4096
_LONGEST_CELL = 1_000_000


class _Route(APIHandler):
    """Answers in JSON, and with one line where there is no answer."""

    auth_resource = "asksage"

    @property
    def desk(self) -> Desk:
        """What the routes share."""
        desk: Desk = self.settings[Desk.SETTING]
        return desk

    async def answer(self, asked: Awaitable[Any], *, content_type: str = "application/json") -> None:
        """Send what was asked for."""
        try:
            found = await asked
        except NotAnswered as why:
            self.set_status(why.status)
            await self.finish(json.dumps({"message": str(why)}))
        else:
            body = found if isinstance(found, str) else json.dumps(found)
            await self.finish(body, set_content_type=content_type)

    @property
    def root(self) -> str:
        """The folder that the front end's paths begin in."""
        root: str = getattr(self.contents_manager, "root_dir", "") or self.settings["server_root_dir"]
        return root

    def file(self, path: str) -> str:
        """A notebook as kernels are told it: compared, and its folder looked up, but never opened."""
        return to_os_path(ApiPath(path), self.root)

    async def refuse(self, line: str) -> None:
        """Tell what is wrong with what was asked."""
        self.set_status(400)
        await self.finish(json.dumps({"message": line}))


class BalanceRoute(_Route):
    """What is left."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """The balance of both meters."""
        await self.answer(self.desk.balance())


class RefreshRoute(_Route):
    """What is left, compared with the service first."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """The balance, and what the comparison found."""
        await self.answer(self.desk.compared())


class MonthRoute(_Route):
    """A month."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """A meter's month day by day, or both meters' as Markdown."""
        reader, period = self.desk.reader, self.get_query_argument("period", None)
        form, meter = self.get_query_argument("format", "json"), self.get_query_argument("meter", "inference")
        if form not in ("json", "markdown"):
            await self.refuse("format is json or markdown")
        elif meter not in tuple(Meter):
            await self.refuse(f"meter is {' or '.join(Meter)}")
        elif form == "markdown":
            asked = self.desk.read(lambda: reader.markdown(period))
            await self.answer(asked, content_type="text/markdown; charset=utf-8")
        else:
            await self.answer(self.desk.read(lambda: self._located(reader.month(Meter(meter), period))))

    def _located(self, month: Wire) -> Wire:
        """The month, whose calls tell their notebooks as the front end knows them; None: it cannot."""
        root = Path(self.root).absolute()
        for call in month["calls"]:
            file = Path(call["notebook"] or "")
            is_here = file.is_absolute() and file.is_relative_to(root)
            call["path"] = to_api_path(str(file), str(root)) if is_here else None
        return month


class NotebookRoute(_Route):
    """A notebook."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """What a notebook used this month."""
        path, reader = self.get_query_argument("path", ""), self.desk.reader
        if not 0 < len(path) <= _LONGEST_PATH:
            await self.refuse("tell the notebook: ?path=folder/a.ipynb")
            return
        try:
            kernel = _footing(parsed(self.get_query_argument("footing", "")))
        except BadInput as error:
            await self.refuse(str(error))
            return
        file = self.file(path)
        await self.answer(self.desk.read(lambda: reader.notebook(path, file, kernel)))


def _footing(told: Any) -> Footing:
    """How a kernel said that it stands; where nothing was said, it bounds nothing."""
    return Footing.read(told) if told else Footing()


class LineRoute(_Route):
    """A magic's line."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """The options and models that may stand there."""
        await self.answer(self.desk.line())


class EstimateRoute(_Route):
    """A cell as it is typed: its text is counted here, and neither kept nor sent anywhere."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Its price in words; null of a cell that is none of ours."""
        told: Any = self.get_json_body()
        told = told if isinstance(told, dict) else {}
        source, path = told.get("source"), told.get("path")
        if not isinstance(source, str):
            await self.refuse("tell the cell's source")
            return
        if len(source) > _LONGEST_CELL:
            await self.refuse(
                f"A cell of more than {_LONGEST_CELL:,} characters is priced by --estimate alone"
            )
            return
        is_path = isinstance(path, str) and 0 < len(path) <= _LONGEST_PATH and "\0" not in path
        try:
            counted = Counted.read(told["counted"]) if told.get("counted") else Counted()
            kernel = _footing(told.get("footing"))
        except BadInput as error:
            await self.refuse(str(error))
            return
        asking = self.desk.asked if told.get("ask") is True else self.desk.tag
        await self.answer(asking(source, counted, kernel, self.file(path) if is_path else None))


class EndpointRoute(_Route):
    """An endpoint for other code, in a kernel or a terminal of this machine."""

    @authenticated
    @authorized
    async def delete(self, name: str) -> None:
        """Ask it to end; the balance tells when it has."""
        reader = self.desk.reader
        await self.answer(self.desk.read(lambda: {"stops": reader.stop_endpoint(name)}))


ROUTES = [
    (r"/asksage/balance", BalanceRoute),
    (r"/asksage/month", MonthRoute),
    (r"/asksage/notebook", NotebookRoute),
    (r"/asksage/refresh", RefreshRoute),
    (r"/asksage/line", LineRoute),
    (r"/asksage/estimate", EstimateRoute),
    (r"/asksage/endpoints/(\w+)", EndpointRoute),
]
