"""NO_PROXY and its sisters as people write them: who is asked directly, who through a proxy."""

import httpx
import pytest

from asksage_jupyter.errors import ConfigurationError
from asksage_jupyter.service.way.proxies import proxy_for, without_proxy

PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("entry", "host"),
    [
        ("*", "api.asksage.ai"),
        ("asksage.ai", "api.asksage.ai"),
        ("api.asksage.ai", "api.asksage.ai"),
        (".asksage.ai", "api.asksage.ai"),
        (".asksage.ai", "asksage.ai"),
        ("*.asksage.ai", "api.asksage.ai"),
        ("API.AskSage.AI", "api.asksage.ai"),
        ("api.asksage.ai.", "api.asksage.ai"),
        ("api.asksage.ai:443", "api.asksage.ai"),
        ("https://api.asksage.ai", "api.asksage.ai"),
        ("localhost, .corp , asksage.ai", "api.asksage.ai"),
        ("localhost;*.asksage.ai", "api.asksage.ai"),
        ("localhost asksage.ai", "api.asksage.ai"),
        ('"localhost,asksage.ai"', "api.asksage.ai"),
        ("[::1],::1,%%%,[,],fd00::/8,10.0.0.0/99,:443,asksage.ai", "api.asksage.ai"),
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3:443", "10.1.2.3"),
        ("10.0.0.0/8", "10.1.2.3"),
        ("10.9.9.9/8", "10.1.2.3"),
        ("10.0.0.0/255.0.0.0", "10.1.2.3"),
        ("10.1.*", "10.1.2.3"),
        ("fd00::/8", "fd12::7"),
        ("[fd00::]/8", "fd12::7"),
        ("[fd00::/8]", "fd12::7"),
        ("[fd12::7]", "fd12::7"),
        ("[fd12::7]:443", "fd12::7"),
        ("fd12:0:0::7", "fd12::7"),
        ("fd12::7%eth0", "fd12::7"),
        ("<local>", "sage"),
    ],
)
def test_a_host_that_no_proxy_names_is_asked_directly(monkeypatch, entry, host):
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", entry)
    assert without_proxy(host, 443, entry)
    assert proxy_for(httpx.URL(f"https://[{host}]" if ":" in host else f"https://{host}")) is None


@pytest.mark.parametrize(
    ("entry", "host"),
    [
        ("", "api.asksage.ai"),
        (" , ;", "api.asksage.ai"),
        ("asksage.ai.example", "api.asksage.ai"),
        ("sage.ai", "api.asksage.ai"),
        ("api.asksage.ai:8443", "api.asksage.ai"),
        ("[::1],::1/128,10.0.0.0/8,.corp", "api.asksage.ai"),
        ("[::1", "api.asksage.ai"),
        ("[", "api.asksage.ai"),
        (".", "api.asksage.ai"),
        ("10.0.0.0/99,10.0.0.0/x,/8,fd00::/200", "10.1.2.3"),
        ("11.0.0.0/8", "10.1.2.3"),
        ("[fd12::7]:8443", "fd12::7"),
        ("fe80::/10", "fd12::7"),
        ("<local>", "fd12::7"),
    ],
)
def test_a_host_that_it_does_not_name_goes_through_the_proxy(monkeypatch, entry, host):
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", entry)
    assert proxy_for(httpx.URL(f"https://[{host}]" if ":" in host else f"https://{host}")) == httpx.URL(PROXY)


@pytest.mark.parametrize(
    ("name", "given", "proxy"),
    [
        ("HTTPS_PROXY", "proxy.example:3128", PROXY),
        ("https_proxy", f" {PROXY} ", PROXY),
        ("ALL_PROXY", f"'{PROXY}'", PROXY),
        ("HTTP_PROXY", PROXY, None),
        ("HTTPS_PROXY", "", None),
    ],
)
def test_the_proxy_is_found_where_people_put_it(monkeypatch, name, given, proxy):
    monkeypatch.setenv(name, given)
    assert proxy_for(httpx.URL("https://api.asksage.ai")) == (proxy and httpx.URL(proxy))


@pytest.mark.parametrize("given", ["ftp://ada:hunter2@proxy", "http://ada:hunter2@[::1", "http://", "//"])
def test_a_proxy_that_is_none_is_told_by_its_variable_and_without_its_password(monkeypatch, given):
    monkeypatch.setenv("ALL_PROXY", given)
    with pytest.raises(ConfigurationError, match="ALL_PROXY names no proxy") as caught:
        proxy_for(httpx.URL("https://api.asksage.ai"))
    assert "hunter2" not in str(caught.value)
