"""The way to the service: how it is secured, and what its faults mean for the bill and the person."""

from __future__ import annotations

import json
import socket
import ssl
from http.cookiejar import CookieJar
from typing import Any

import httpx

from ...errors import ConfigurationError, NotReached, Refused, ReplyLost, ServiceError, Unavailable
from ..replies.failures import lost
from ..replies.scalars import one_line
from .bounded import OutOfBounds, bound
from .deadline import left_s, limit_s
from .lines import Lines
from .proxies import proxy_for, shown
from .trust import trusted

_CONNECT_S = 10.0
_PROXY = "asksage_proxy"  # in a request's extensions: the proxy on its way

# Nothing of the request has left when these are raised, or not to the service.
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.LocalProtocolError,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class _NoCookies(CookieJar):
    """Keeps none: the service sets none, and a Ctrl-C can leave a jar's lock taken for all other threads."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Take none."""


def connect(
    url: str, ca_bundle: str | None, timeout_s: float, transport: httpx.BaseTransport | None
) -> tuple[httpx.Client, Lines]:
    """A client for the service at `url`, and its connections; nothing is sent yet.

    Parameters
    ----------
    url : str
        As `base_url` returns it.
    ca_bundle : str or None
        File or folder of the certificates to trust; None trusts those of this machine.
    timeout_s : float
        Seconds without a byte.

    Raises
    ------
    ConfigurationError
        The certificates or the environment's proxy settings cannot be used.
    """
    try:
        base = httpx.URL(url)
    except httpx.InvalidURL:
        raise ConfigurationError(f"there can be no host of the name in {url}: check ASKSAGE_URL.") from None
    # Plain http has no certificates to check, and those of this machine take 40 ms to load.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if base.scheme == "http" else trusted(ca_bundle)
    proxy = proxy_for(base)
    way = proxy and httpx.Proxy(proxy, ssl_context=context if proxy.scheme == "https" else None)
    reason = ""

    def open_lines() -> httpx.BaseTransport:
        return transport or httpx.HTTPTransport(verify=context, proxy=way, trust_env=False)

    def note_proxy(request: httpx.Request) -> None:
        request.extensions[_PROXY] = proxy and shown(proxy)

    try:
        lines = Lines(open_lines)
        client = httpx.Client(
            base_url=base,
            verify=context,
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_S)),
            trust_env=False,  # proxy and certificates are found above, as people mean them
            # A redirect could take the key to another host.
            follow_redirects=False,
            headers={"user-agent": "asksage-jupyter", "accept-encoding": "gzip"},
            event_hooks={"request": [note_proxy], "response": [bound]},
            cookies=_NoCookies(),
            transport=lines,
        )
    except ImportError:
        reason = "a SOCKS proxy needs a package more: pip install 'httpx[socks]' (HTTPS_PROXY, ALL_PROXY)."
    except (ValueError, httpx.InvalidURL):
        # Their text may quote the proxy's password.
        reason = "the proxy settings cannot be used: check HTTPS_PROXY and ALL_PROXY."
    else:
        return client, lines
    raise ConfigurationError(reason)


def cut_off(error: httpx.HTTPError, request: httpx.Request) -> ReplyLost:
    """What a fault means for the bill once the request has left."""
    return lost(_how_cut_off(error, request.url.host), None)


def silent(host: str, seconds: float, *, passing: bool = False) -> NotReached:
    """Nobody answered in time what costs nothing."""
    return NotReached(
        f"{host} has not answered within {seconds:.0f} s. Nothing was billed: try again later; if it stays "
        "so, check the network or VPN, HTTPS_PROXY and ASKSAGE_URL.",
        passing=passing,
    )


def broken(error: httpx.HTTPError, request: httpx.Request, *, is_free: bool = False) -> ServiceError:
    """What a fault of sending a request means.

    Parameters
    ----------
    is_free : bool
        Whether nothing can have been billed, wherever it broke.
    """
    host, reason = request.url.host, one_line(str(error)) or type(error).__name__
    if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        # Its text may quote a header.
        return Refused(f"the request to {host} could not be made. Nothing was billed.")
    if isinstance(error, _NEVER_SENT):
        return _never_sent(error, host, request.extensions.get(_PROXY), reason)
    if not is_free:
        return cut_off(error, request)
    if _is_tls(error):
        return _distrusted(host, reason)
    if isinstance(error, httpx.TimeoutException):
        is_over = left_s() <= 0
        seconds = limit_s() if is_over else request.extensions["timeout"]["read"]
        return silent(host, seconds, passing=not is_over)
    return NotReached(
        f"{_how_cut_off(error, host)}; nothing was billed: try again later.",
        passing=not isinstance(error, OutOfBounds),
    )


def redirected(response: httpx.Response) -> ServiceError | None:
    """The redirect as an error; following it could take the key to another host."""
    if not 300 <= response.status_code < 400:
        return None
    host, following = response.request.url.host, response.next_request
    elsewhere = following is not None and following.url.host != host
    there = f" to {following.url.scheme}://{following.url.host}" if following and elsewhere else ""
    return NotReached(
        f"{host} redirects{there} (HTTP {response.status_code}), where the key is not sent. Nothing was "
        "billed; if you trust that address, set ASKSAGE_URL to it. It may be a login page of your network.",
        status=response.status_code,
    )


def strange(response: httpx.Response) -> ServiceError:
    """What answers is no Ask Sage; or it fails, and nothing tells what it is."""
    if response.status_code >= 500 or response.status_code == 429:
        return Unavailable(
            f"{response.request.url.host}, or a gateway before it, fails (HTTP {response.status_code}). "
            "Nothing was billed: try again later.",
            status=response.status_code,
        )
    return NotReached(
        f"{response.request.url.host} answers (HTTP {response.status_code}), but not as an Ask Sage does. "
        "Nothing was billed: check ASKSAGE_URL.",
        status=response.status_code,
    )


def misled(response: httpx.Response) -> ServiceError | None:
    """A page or another text, where an Ask Sage answers in JSON, as an error; None of what may be its own.

    A missing route, a body too large and a fault of a gateway are told by their status; with 511 a network
    asks for a login.
    """
    http, content = response.status_code, response.content.strip()
    if (http != 511 and (http in (404, 405, 413, 429) or http >= 500)) or content[:1] in (b"{", b"["):
        return None
    is_page = content[:1] == b"<"
    if not is_page and (http >= 400 or _is_json(content)):
        return None
    what = "a web page" if is_page else "something else"
    return NotReached(
        f"{response.request.url.host} answered with {what} (HTTP {http}), where an Ask Sage gives data. "
        "Nothing was billed: sign in to your network if it has a login page; else check HTTPS_PROXY and "
        "ASKSAGE_URL.",
        status=http,
    )


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


def _how_cut_off(error: httpx.HTTPError, host: str) -> str:
    if isinstance(error, OutOfBounds):
        return f"the reply of {host} was given up: {error}"
    if isinstance(error, httpx.TimeoutException):
        return f"no answer from {host} in time"
    return f"the connection to {host} broke before the whole reply"


def _never_sent(error: httpx.HTTPError, host: str, proxy: str | None, reason: str) -> NotReached:
    """Why nothing could be sent, with the cure that goes with it."""
    if isinstance(error, httpx.ProxyError):
        return NotReached(
            f"the proxy does not lead to {host} ({reason}); nothing was billed: check HTTPS_PROXY, NO_PROXY.",
            passing=True,
        )
    if proxy and not _has_cause(error, ssl.SSLError):
        return NotReached(
            f"the proxy {proxy} on the way to {host} cannot be reached ({reason}); nothing was billed: check "
            "HTTPS_PROXY (or ALL_PROXY), or name the host in NO_PROXY.",
            passing=True,
        )
    if _is_tls(error):
        return _distrusted(host, reason)
    if _has_cause(error, socket.gaierror):
        return NotReached(
            f"cannot reach {host}: this name is not known here ({reason}); nothing was billed: check "
            "ASKSAGE_URL, and the VPN or network.",
            passing=True,
        )
    return NotReached(
        f"cannot reach {host} ({reason}); nothing was billed: check the network or VPN and ASKSAGE_URL, and "
        "HTTPS_PROXY if your network has a proxy.",
        passing=True,
    )


def _distrusted(host: str, reason: str) -> NotReached:
    return NotReached(
        f"the TLS certificate or connection of {host} cannot be trusted ({reason}). Nothing was billed; "
        "if the host has its own certificate authority, set ASKSAGE_CA_BUNDLE to its PEM file.",
    )


def _is_tls(error: BaseException | None) -> bool:
    return _has_cause(error, ssl.SSLError)


def _has_cause(error: BaseException | None, kind: type[BaseException]) -> bool:
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False
