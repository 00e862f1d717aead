"""What a person gives as the service's address -> the address that is used."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from ...errors import ConfigurationError

_EXAMPLE = "write it like https://api.asksage.ai (ASKSAGE_URL)"


def base_url(url: str) -> str:
    """The service's address without a trailing slash or route, such as ``https://api.asksage.ai``.

    A missing scheme is added: https, and http for this machine. A pasted ``/server/query`` is cut off.

    Raises
    ------
    ConfigurationError
        It is no address, holds a password, or would send the key in the clear over a network.
    """
    text = url.strip().strip("\"'").strip()
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        port = parts.port
    except ValueError:
        raise ConfigurationError(f"the address cannot be read: {_EXAMPLE}.") from None
    host = parts.hostname or ""
    if not re.fullmatch(r"[\w.:-]+", host) or not _can_be_looked_up(host):
        raise ConfigurationError(f"the address names no host: {_EXAMPLE}.")
    if "@" in parts.netloc:
        raise ConfigurationError(f"the address holds a user name or password: {_EXAMPLE}.")
    scheme = parts.scheme or ("http" if is_loopback(host) else "https")
    if scheme not in ("http", "https"):
        raise ConfigurationError(f"the address begins with {scheme}://: {_EXAMPLE}.")
    if scheme == "http" and not is_loopback(host):
        raise ConfigurationError(
            f"http://{host} would send your key in the clear: use https://{host} (ASKSAGE_URL)."
        )
    path = re.sub(r"/(server|user)(/.*)?$", "", parts.path.rstrip("/"))
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}{'' if port is None else f':{port}'}{path.rstrip('/')}"


def _can_be_looked_up(host: str) -> bool:
    """Whether no part of a name is empty or too long; the system's look-up fails on these in its own way."""
    labels = host.rstrip(".").split(".")
    return len(host) <= 253 and (":" in host or all(0 < len(label) <= 63 for label in labels))


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine: ``localhost``, 127.0.0.0/8 or ::1."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
