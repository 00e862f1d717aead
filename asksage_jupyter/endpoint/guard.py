"""Who may ask, and how: this machine's programs that have the key of this run, and no page in a browser."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING

from .refusals import Refusal

if TYPE_CHECKING:
    from tornado.httputil import HTTPServerRequest

LARGEST = 8 * 2**20  # bytes of a body; no model takes more text at once
ADDRESS = "127.0.0.1"
_SCHEME = "bearer "


def new_key() -> str:
    """A key for one run, in a form that clients take for one of OpenAI's."""
    return f"sk-asksage-{secrets.token_urlsafe(32)}"


def refused(request: HTTPServerRequest, key: str, port: int) -> Refusal | None:
    """Why a request is not read, as its head tells; None where it is."""
    if request.host.lower() not in (f"{ADDRESS}:{port}", f"localhost:{port}"):
        # A name that leads here from elsewhere is a page's that wants in (DNS rebinding).
        return Refusal(421, "this endpoint answers under 127.0.0.1 and localhost only", code="wrong_host")
    if "Origin" in request.headers or request.headers.get("Sec-Fetch-Site", "none") != "none":
        return Refusal(403, "this endpoint answers no web page", code="web_page")
    told = request.headers.get("Authorization", "")
    given = told[len(_SCHEME) :].strip() if told.lower().startswith(_SCHEME) else ""
    if not hmac.compare_digest(given.encode("utf-8", "replace"), key.encode()):
        words = (
            "the header Authorization does not bring this run's key: take the one that serve told, as "
            "OPENAI_API_KEY"
        )
        return Refusal(401, words, code="invalid_api_key")
    length = request.headers.get("Content-Length", "0")
    if not length.isdecimal() or int(length) > LARGEST:
        return Refusal(413, f"a request has at most {LARGEST:,} bytes", code="too_large")
    return None
