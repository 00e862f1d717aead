"""A scripted Ask Sage tenant with one account and two models, for what stands above the service."""

from __future__ import annotations

from typing import Any

from scripted import QUERY, STREAM, Played, Received, Scripted, envelope, pieces

KEY = "key-of-ada-77c1"
MODEL, OTHER = "sage-haiku", "aws-nova-lite-v1:0"
USED = 411


def open_tenant(**options: Any) -> Scripted:
    """A server on which every question is answered; the caller closes it."""
    server = Scripted(**options)
    server.on("/server/get-models", {"response": [_model(MODEL, cui=True), _model(OTHER)], "status": 200})
    server.on(
        "/user/validate_token_with_full_user",
        {"response": {"max_tokens": 200_000, "max_train_tokens": 100_000, "mfa_secret": "x"}, "status": 200},
    )
    server.on("/server/count-monthly-tokens", {"response": USED, "status": 200})
    server.on("/server/count-monthly-teach-tokens", {"response": 0, "status": 200})
    server.on("/server/count-monthly-tokens-left-with-org", {"response": 200_000 - USED, "status": 200})
    says(server, "The sky is blue.")
    return server


def environment(server: Scripted, folder: object) -> dict[str, str]:
    """The variables under which the package meets the tenant."""
    return {
        "ASKSAGE_URL": server.url,
        "ASKSAGE_EMAIL": "ada@example.org",
        "ASKSAGE_API_KEY": KEY,
        "ASKSAGE_MODEL": MODEL,
        "ASKSAGE_LEDGER": f"{folder}/ledger.db",
    }


def says(server: Scripted, text: str, **changes: object) -> None:
    """Let the tenant answer `text`, on both routes."""
    whole = envelope(text, **{"provenance": {"model": MODEL}, **changes})
    halves = {"message": text[: len(text) // 2]}, {"message": text[len(text) // 2 :]}
    server.on(QUERY, whole)
    server.on(STREAM, Played(pieces(*halves, whole), framing="chunked"))


def stalls_after(server: Scripted, text: str) -> None:
    """Let the tenant stream `text` and then nothing more, without closing."""
    part = pieces({"message": text})
    server.on(STREAM, Played(part, framing="chunked", stall_at=len(part)))


def drops_after(server: Scripted, text: str) -> None:
    """Let the tenant stream `text` and then hang up."""
    part = pieces({"message": text})
    server.on(STREAM, Played(part, framing="chunked", drop_at=len(part)))


def questions(server: Scripted) -> list[Received]:
    """The questions that came, on whichever route, in their order."""
    return [request for request in server.requests if request.path in (QUERY, STREAM)]


def _model(name: str, *, cui: bool | None = None) -> dict[str, object]:
    return {
        "id": name,
        "display_name": name.title(),
        "vendor": "Sage",
        "cui_capable": cui,
        "token_conversion_rate": {"prompt": 0.1, "completion": 0.4},
    }
