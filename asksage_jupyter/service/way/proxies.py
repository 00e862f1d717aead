"""Which proxy leads to the service: HTTPS_PROXY, ALL_PROXY and NO_PROXY as people write them."""

from __future__ import annotations

import ipaddress
import re
from fnmatch import fnmatchcase
from urllib.request import getproxies, getproxies_environment, proxy_bypass

import httpx

from ...errors import ConfigurationError
from .address import is_loopback

_SCHEMES = ("http", "https", "socks5", "socks5h")
_DEFAULT_PORT = {"http": 80, "https": 443}
_NAMES = {"https": "HTTPS_PROXY", "all": "ALL_PROXY"}


def proxy_for(base: httpx.URL) -> httpx.URL | None:
    """The proxy that leads to `base`; None where it is asked directly.

    Raises
    ------
    ConfigurationError
        The proxy's setting cannot be read; its text may hold a password, and is not quoted.
    """
    if is_loopback(base.host):
        return None  # a proxy could not reach this machine's own services, and would see the key in the clear
    told = getproxies()
    kind = next((kind for kind in (base.scheme, "all") if told.get(kind, "").strip()), None)
    if kind is None or _is_left_out(base, told.get("no", "")):
        return None
    return _read(told[kind].strip().strip("\"'"), _NAMES.get(kind, "HTTP_PROXY"))


def shown(proxy: httpx.URL) -> str:
    """A proxy without the user name and password that its address may hold."""
    return f"{proxy.host}:{proxy.port}" if proxy.port else proxy.host


def _is_left_out(base: httpx.URL, no_proxy: str) -> bool:
    if getproxies_environment():
        return without_proxy(base.host, base.port or _DEFAULT_PORT[base.scheme], no_proxy)
    return bool(proxy_bypass(base.host))  # the exceptions of the system's own settings


def without_proxy(host: str, port: int, no_proxy: str) -> bool:
    """Whether NO_PROXY names the host. An entry that makes no sense names nobody.

    Parameters
    ----------
    no_proxy : str
        Entries between commas, semicolons or blanks: ``*``, a name with those below it, an address or a
        network; each with a port if only that one is meant.
    """
    host = host.lower().strip("[]").rstrip(".")
    entries = re.split(r"[,;\s]+", no_proxy.strip().strip("\"'").lower())
    return any(_names(entry, host, port) for entry in entries if entry)


def _names(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    if entry == "<local>":
        return "." not in host and ":" not in host
    name, told_port = _divided(entry.rpartition("://")[2])
    if told_port and told_port != str(port):
        return False
    address, network = _address(host), _network(name)
    if network is not None:
        return address is not None and address.version == network.version and address in network
    if address is not None:
        return fnmatchcase(host, name)  # 10.1.*
    name = name.removeprefix("*").strip(".")
    return bool(name) and (host == name or host.endswith(f".{name}") or fnmatchcase(host, name))


def _divided(entry: str) -> tuple[str, str]:
    """Host and port of an entry: ``[::1]:443``, ``[fd00::]/8``, ``::1``, ``name:443``, ``name``."""
    if entry.startswith("["):
        inside, _, after = entry[1:].partition("]")
        return (inside + after, "") if after.startswith("/") else (inside, after.removeprefix(":"))
    name, colon, port = entry.partition(":")
    return (entry, "") if not colon or ":" in port or "/" in port else (name, port)


def _network(name: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The network, or the one address, that an entry names."""
    address, slash, size = name.partition("/")
    try:
        return ipaddress.ip_network(f"{address.strip('[]').partition('%')[0]}{slash}{size}", strict=False)
    except ValueError:
        return None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _read(given: str, variable: str) -> httpx.URL:
    proxy: httpx.URL | None
    try:
        proxy = httpx.URL(given if "://" in given else f"http://{given}")
    except (httpx.InvalidURL, ValueError):
        proxy = None
    if proxy is not None and proxy.host and proxy.scheme in _SCHEMES:
        return proxy
    raise ConfigurationError(
        f"the proxy settings cannot be used: {variable} names no proxy. Write HTTPS_PROXY like "
        "http://proxy.example:8080."
    )
