"""The service's routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tornado.web import Application

from ..account import Meter
from . import catalog, compatible, jobs, person
from .answer import replies
from .commands import COMMANDS, Command
from .demo import Demo
from .plugins import execute_plugin, follow_up, listed
from .route import STREAM, Billed, Chunks, Exchange, Generated, Open, Plain, Route
from .training import add_dataset, train, train_with_file

Answered = Callable[[Demo, Mapping[str, Any]], dict[str, Any]]


def application(demo: Demo, *, controlled: bool) -> Application:
    """The service as a Tornado application; only a `controlled` one has the routes of its controls."""
    routes: list[tuple[str, type[Route], dict[str, Any]]] = [("/user/get-token-with-api-key", Exchange, {})]
    routes += [(path, Generated, {"chunks": chunks}) for path, chunks in _GENERATED.items()]
    routes += [(path, compatible.Compatible, {"chunks": replies}) for path in compatible.PATHS]
    routes += [
        (path, kind, {"answered": answered})
        for kind, table in ((Open, _OPEN), (Plain, _PLAIN), (Billed, _BILLED))
        for path, answered in table.items()
    ]
    if controlled:
        routes += [(path, Command, {"run": run}) for path, run in COMMANDS.items()]
    return Application([*routes], log_function=lambda _: None, demo=demo)


_GENERATED: dict[str, Callable[[Demo, Mapping[str, Any]], Chunks]] = {
    "/server/query": replies,
    "/server/query_with_file": replies,
    STREAM: replies,
    "/server/execute-plugin": execute_plugin,
    "/server/follow-up-questions": follow_up,
}
_BILLED: dict[str, Answered] = {
    "/server/train": train,
    "/server/train-with-file": train_with_file,
}
_OPEN: dict[str, Answered] = {"/server/get-models": catalog.models}
_PLAIN: dict[str, Answered] = {
    "/user/validate_token_with_full_user": person.full_user,
    "/user/get-user-logs": person.logs,
    "/user/request-tokens": person.request_tokens,
    "/user/get-my-token-requests": person.my_token_requests,
    "/user/admin-get-all-users-with-tokens": person.users,
    "/server/tokenizer": catalog.tokenizer,
    "/server/get-personas": person.personas,
    "/server/get-datasets": lambda demo, read: {"response": demo.counters.datasets()},
    "/server/add-dataset": add_dataset,
    "/user/add-dataset": add_dataset,  # tenants differ in the path
    "/server/train-with-file-status": jobs.status,
    "/server/get-upload-limits": jobs.upload_limits,
    "/server/get-plugins": lambda demo, read: {"response": listed()},
    "/server/count-monthly-tokens": lambda demo, read: {"response": demo.used(Meter.INFERENCE)},
    "/server/count-monthly-teach-tokens": lambda demo, read: {"response": demo.used(Meter.TRAINING)},
    "/server/count-monthly-tokens-left-with-org": person.left,
}
