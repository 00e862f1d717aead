"""Hears of notebooks that get another name: by their sessions, and by the files themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jupyter_server.utils import ApiPath, to_os_path

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

_CONTENTS = "https://events.jupyter.org/jupyter_server/contents_service/v1"


def hear(server: ServerApp, renamed: Callable[[str, str], None]) -> None:
    """Call `renamed` with the old and the new file of each notebook that gets another name.

    JupyterLab tells the session of an open notebook its new path, and no event tells of that.
    """
    root = getattr(server.contents_manager, "root_dir", "") or server.root_dir
    sessions: Any = server.session_manager
    update = sessions.update_session

    def told(old: str, new: str) -> None:
        renamed(to_os_path(ApiPath(old), root), to_os_path(ApiPath(new), root))

    async def update_session(session_id: str, **changes: Any) -> None:
        before = await sessions.get_session(session_id=session_id) if changes.get("path") else {}
        await update(session_id, **changes)
        if before and before.get("path") not in (None, changes["path"]):
            told(before["path"], changes["path"])

    async def moved(logger: object, schema_id: str, data: dict[str, Any]) -> None:
        if data.get("action") == "rename" and data.get("source_path"):
            told(data["source_path"], data["path"])

    sessions.update_session = update_session
    events = server.event_logger
    if events is not None and _CONTENTS in events.schemas:
        events.add_listener(schema_id=_CONTENTS, listener=moved)
