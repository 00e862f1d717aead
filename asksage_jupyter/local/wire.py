"""The forms of Ask Sage's wire, from the service's side: request fields, stream frames, access tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import BadInput

if TYPE_CHECKING:
    from tornado.httputil import HTTPServerRequest

SEPARATOR = "@|@sep@|@"
_ESCAPED = "@|@@sep@@|@"
_DAY_S = 86_400


def fields(request: HTTPServerRequest) -> dict[str, Any]:
    """A request's fields, whether they came as JSON, form, multipart, in the query string, or not at all.

    A file is under its own name as ``(file name, bytes)``.

    Raises
    ------
    BadInput
        A body that says it is JSON and is no JSON object.
    """
    # arguments: what Tornado read from the query string and from form and multipart bodies.
    read: dict[str, Any] = {
        name: values[-1].decode(errors="replace") for name, values in request.arguments.items()
    }
    read |= {name: (files[-1].filename, files[-1].body) for name, files in request.files.items()}
    if request.headers.get("Content-Type", "").startswith("application/json") and request.body:
        try:
            body = json.loads(request.body)
        except ValueError:
            raise BadInput("the body is not JSON") from None
        if not isinstance(body, dict):
            raise BadInput("the body is not a JSON object")
        read |= body
    return read


def flag(value: object) -> bool:
    """A boolean as JSON or as a form writes it."""
    return str(value).lower() in ("true", "1", "yes")


def whole(read: Mapping[str, Any], name: str, default: int) -> int:
    """An integer field as JSON or as a form writes it; `default` for anything else."""
    try:
        return int(read[name])
    except (KeyError, TypeError, ValueError):
        return default


def framed(chunk: Mapping[str, Any]) -> str:
    """One chunk of a stream, the separator after it; a separator within its text is escaped."""
    return json.dumps(chunk, ensure_ascii=False).replace(SEPARATOR, _ESCAPED) + SEPARATOR


def access_token(key: str, now_s: float) -> str:
    """A JWT good for a day, signed with the service's own key."""
    claims = {"exp": int(now_s) + _DAY_S, "iat": int(now_s), "jti": uuid.uuid4().hex}
    claims |= {"api_key_id": 1, "auth_method": "api_key"}
    signed = f"{_encoded({'alg': 'HS512', 'typ': 'JWT'})}.{_encoded(claims)}"
    return f"{signed}.{_signature(signed, key)}"


def is_accepted(credential: str, key: str, now_s: float) -> bool:
    """Whether `credential` is the key itself or an access token of it that has not expired."""
    if hmac.compare_digest(credential.encode(), key.encode()):
        return True
    signed, _, signature = credential.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(signed, key).encode()):
        return False
    # Signed by us, so it has the form we gave it.
    payload = signed.partition(".")[2]
    return bool(json.loads(base64.urlsafe_b64decode(payload + "==="))["exp"] > now_s)


def _encoded(part: Mapping[str, Any]) -> str:
    return _base64(json.dumps(part, separators=(",", ":")).encode())


def _signature(signed: str, key: str) -> str:
    return _base64(hmac.digest(key.encode(), signed.encode(), hashlib.sha512))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
