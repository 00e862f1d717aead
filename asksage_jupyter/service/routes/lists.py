"""What the account may use: models, personas, datasets and plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import BadKey, Refused, Unavailable
from ..replies.catalog import ModelInfo, Persona, Plugin, datasets_in, models_in, personas_in, plugins_in
from ..replies.wire import Body

if TYPE_CHECKING:
    from ..way.connection import Connection


def models(connection: Connection) -> list[ModelInfo]:
    """The models, as fully as the tenant tells of them."""
    try:
        found = models_in(_listed(connection, "/server/get-models?format=full"))
    except (BadKey, Unavailable):
        raise
    except Refused:
        found = []
    return found or models_in(_listed(connection, "/server/get-models"))


def personas(connection: Connection) -> list[Persona]:
    """The personas."""
    return personas_in(_listed(connection, "/server/get-personas"))


def datasets(connection: Connection) -> list[str]:
    """The names of the datasets."""
    return datasets_in(_listed(connection, "/server/get-datasets"))


def plugins(connection: Connection) -> list[Plugin]:
    """The plugins."""
    return plugins_in(_listed(connection, "/server/get-plugins"))


def _listed(connection: Connection, path: str) -> Body:
    body = connection.free(path, b"{}")
    if body.rows is None:
        raise Refused(f"Ask Sage's answer to {path} is no list. Nothing was billed.")
    return body
