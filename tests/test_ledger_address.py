"""A password in the ledger's URL: used, and never shown."""

import pytest

from asksage_jupyter.ledger.stores.address import shown
from asksage_jupyter.settings import AskSage

URL = "postgresql://ada:open-sesame@db.example.org/sage?sslpassword=open-barley"


@pytest.mark.parametrize(
    ("where", "title"),
    [
        ("/home/ada/ledger.db", "/home/ada/ledger.db"),
        ("sqlite:////home/ada/ledger.db", "sqlite:////home/ada/ledger.db"),
        (URL, "postgresql://db.example.org/sage"),
        ("postgresql+psycopg://ada:s@me@db/sage", "postgresql+psycopg://db/sage"),
        ("postgresql:///sage?password=open", "postgresql:///sage"),
    ],
)
def test_what_may_be_secret_is_not_shown(where, title):
    assert shown(where) == title


@pytest.mark.parametrize("by", ["environment", "trait"])
def test_the_settings_list_the_ledger_without_its_password(monkeypatch, by):
    if by == "environment":
        monkeypatch.setenv("ASKSAGE_LEDGER", URL)
    settings = AskSage()
    if by == "trait":
        settings.ledger = URL
    assert settings.ledger == URL
    assert repr(AskSage(ledger="/home/ada/ledger.db").ledger) == "'/home/ada/ledger.db'"
    told = AskSage.class_get_help(settings)  # what %config AskSage prints
    assert "db.example.org/sage" in told
    assert "open-" not in told + repr(settings.trait_values())
