"""The way to the service: how it is secured, and what its faults mean for the bill."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx

from ..errors import ConfigurationError, Refused, ReplyLost, ServiceError, Unavailable
from .address import is_loopback
from .bounded import OutOfBounds, bound
from .wire import lost, one_line

_CONNECT_S = 10.0

# Nothing of the request has left when these are raised, or not to the service.
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.LocalProtocolError,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


def connect(
    url: str, ca_bundle: str | None, timeout_s: float, transport: httpx.BaseTransport | None
) -> httpx.Client:
    """A client for the service at `url`; nothing is sent yet.

    Parameters
    ----------
    url : str
        As `base_url` returns it.
    ca_bundle : str or None
        File or folder of the certificates to trust; None trusts the usual ones.
    timeout_s : float
        Seconds without a byte.

    Raises
    ------
    ConfigurationError
        The certificates or the environment's proxy settings cannot be used.
    """
    base = httpx.URL(url)
    reason = ""
    try:
        return httpx.Client(
            base_url=base,
            verify=_trusted(base, ca_bundle),
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_S)),
            # A proxy could not reach this machine's own services, and would see the key in the clear.
            trust_env=not is_loopback(base.host),
            # A redirect could take the key to another host.
            follow_redirects=False,
            headers={"user-agent": "asksage-jupyter", "accept-encoding": "gzip"},
            event_hooks={"response": [bound]},
            transport=transport,
        )
    except (OSError, ssl.SSLError) as error:
        reason = f"the certificates cannot be read ({error.strerror or 'not PEM'}): {_which(ca_bundle)}"
    except (ImportError, ValueError, httpx.InvalidURL):
        # Their text may quote the proxy's password.
        reason = "the proxy settings cannot be used: check HTTPS_PROXY and ALL_PROXY."
    raise ConfigurationError(reason)


def _trusted(base: httpx.URL, ca_bundle: str | None) -> ssl.SSLContext | bool:
    if base.scheme == "http":
        # Not used, and the usual certificates take 40 ms to load.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not ca_bundle:
        return True
    path = Path(ca_bundle).expanduser()
    if path.is_dir():
        return ssl.create_default_context(capath=path)
    return ssl.create_default_context(cafile=path)


def _which(ca_bundle: str | None) -> str:
    return f"{ca_bundle} (ASKSAGE_CA_BUNDLE)." if ca_bundle else "check SSL_CERT_FILE and SSL_CERT_DIR."


def cut_off(error: httpx.HTTPError, request: httpx.Request) -> ReplyLost:
    """What a fault means once the request has left."""
    host = request.url.host
    if isinstance(error, OutOfBounds):
        return lost(f"the reply of {host} was given up: {error}", None)
    if isinstance(error, httpx.TimeoutException):
        return lost(f"no answer from {host} in time", None)
    return lost(f"the connection to {host} broke before the whole reply", None)


def broken(error: httpx.HTTPError, request: httpx.Request) -> ServiceError:
    """What a fault of sending a request means."""
    host, reason = request.url.host, one_line(str(error)) or type(error).__name__
    if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        # Its text may quote a header.
        return Refused(f"the request to {host} could not be made. Nothing was billed.")
    if not isinstance(error, _NEVER_SENT):
        return cut_off(error, request)
    if isinstance(error, httpx.ProxyError):
        return Unavailable(
            f"the proxy does not lead to {host} ({reason}); nothing was billed: check HTTPS_PROXY, NO_PROXY."
        )
    if _is_tls(error):
        return Refused(
            f"the TLS certificate or connection of {host} cannot be trusted ({reason}). Nothing was billed; "
            "if the host has its own certificate authority, set ASKSAGE_CA_BUNDLE to its PEM file."
        )
    return Unavailable(
        f"cannot reach {host} ({reason}); nothing was billed: check the network and ASKSAGE_URL."
    )


def redirected(response: httpx.Response) -> ServiceError | None:
    """The redirect as an error; following it could take the key to another host."""
    if not 300 <= response.status_code < 400:
        return None
    host, following = response.request.url.host, response.next_request
    elsewhere = following is not None and following.url.host != host
    there = f" to {following.url.scheme}://{following.url.host}" if following and elsewhere else ""
    return Refused(
        f"{host} redirects{there} (HTTP {response.status_code}), where the key is not sent. Nothing was "
        "billed; if you trust that address, set ASKSAGE_URL to it.",
        status=response.status_code,
    )


def _is_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
