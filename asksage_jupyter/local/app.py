"""The service's routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tornado.web import Application

from ..account import Meter
from . import catalog, compatible, embeddings, person, training
from .answer import replies
from .demo import Demo
from .plugins import execute_plugin, follow_up, listed
from .route import STREAM, Chunks, DemoRoute, Generated, Open, Plain, TokenExchange

Answered = Callable[[Demo, Mapping[str, Any]], dict[str, Any]]
Placed = tuple[str, type[DemoRoute], dict[str, Any]]


def application(demo: Demo) -> Application:
    """The service as a Tornado application."""
    return served(demo, routes())


def served(demo: Demo, routes: list[Placed]) -> Application:
    """An application of these routes; its log is silent."""
    return Application([*routes], log_function=lambda _: None, demo=demo)


def routes() -> list[Placed]:
    """Each path, its kind of route, and what that one does."""
    placed: list[Placed] = [("/user/get-token-with-api-key", TokenExchange, {})]
    placed += [(path, Generated, {"chunks": chunks}) for path, chunks in _GENERATED.items()]
    placed += [(path, compatible.Compatible, {"chunks": replies}) for path in compatible.PATHS]
    placed += [(path, embeddings.Embeddings, {}) for path in embeddings.PATHS]
    placed += [
        (path, kind, {"answered": answered})
        for kind, table in ((Open, _OPEN), (Plain, _PLAIN))
        for path, answered in table.items()
    ]
    return placed


_GENERATED: dict[str, Callable[[Demo, Mapping[str, Any]], Chunks]] = {
    "/server/query": replies,
    "/server/query_with_file": replies,
    STREAM: replies,
    "/server/execute-plugin": execute_plugin,
    "/server/follow-up-questions": follow_up,
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
    "/server/add-dataset": training.add_dataset,
    "/user/add-dataset": training.add_dataset,  # tenants differ in the path
    "/server/train": training.train,
    "/server/train-with-file": training.train_with_file,
    "/server/train-with-file-status": training.job_status,
    "/server/get-upload-limits": training.upload_limits,
    "/server/get-plugins": lambda demo, read: {"response": listed()},
    "/server/count-monthly-tokens": lambda demo, read: {"response": demo.used(Meter.INFERENCE)},
    "/server/count-monthly-teach-tokens": lambda demo, read: {"response": demo.used(Meter.TRAINING)},
    "/server/count-monthly-tokens-left-with-org": person.left,
}
