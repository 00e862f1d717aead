"""What a setting may be: a wrong value is refused where it is set, in one line, and not kept."""

import getpass

import pytest
from traitlets import TraitError
from traitlets.config import Config

from asksage_jupyter.errors import AskSageError
from asksage_jupyter.settings import AskSage

WRONG = [
    ("zone", "America/New York"),
    ("zone", "Mars/Phobos"),
    ("zone", ""),
    ("weekend", ["Caturday"]),
    ("holidays", ["26 Nov"]),
    ("url", "ftp://api.example.org"),
    ("url", "http://api.example.org"),
    ("ca_bundle", "/nowhere/ca.pem"),
    ("timeout_s", float("nan")),
    ("timeout_s", float("inf")),
    ("timeout_s", 0.0),
    ("ledger_timeout_s", float("nan")),
    ("reconcile_every_s", -1.0),
    ("presume_after_s", 5),
    ("format", "pdf"),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_a_wrong_value_is_refused_and_the_one_before_stays(own_settings, name, wrong):
    settings = AskSage()
    before = getattr(settings, name)
    with pytest.raises(TraitError) as told:
        setattr(settings, name, wrong)
    assert getattr(settings, name) == before
    assert "\n" not in str(told.value)
    with pytest.raises(TraitError):
        settings.update_config(Config({"AskSage": {name: wrong}}))
    assert getattr(settings, name) == before
    settings.update_config(Config({"AskSage": {"model": "another"}}))
    assert (settings.model, getattr(settings, name)) == ("another", before)


def test_the_environments_value_stays_where_another_is_refused_before_it_was_read(own_settings, monkeypatch):
    monkeypatch.setenv("ASKSAGE_URL", "https://api.agency.example")
    settings = AskSage()
    with pytest.raises(TraitError):
        settings.update_config(Config({"AskSage": {"url": "ftp://api.agency.example"}}))
    assert settings.url == "https://api.agency.example"
    monkeypatch.setenv("ASKSAGE_URL", "https://api.other.example")
    settings.follow_environment()
    assert settings.url == "https://api.other.example"


def test_a_refusal_of_ours_is_a_line_in_a_cell_too(own_settings):
    with pytest.raises(AskSageError, match="no time zone") as told:
        AskSage().zone = "Mars/Phobos"
    (line,) = told.value._render_traceback_()
    assert " ".join(line.split()) == f"\x1b[1mBadSetting\x1b[22m: {told.value}"


def test_who_has_no_name_is_counted_by_number(own_settings, monkeypatch):
    def unknown():
        raise KeyError("getpwuid(): uid not found: 1000680000")

    monkeypatch.setattr(getpass, "getuser", unknown)
    monkeypatch.delenv("ASKSAGE_EMAIL", raising=False)
    assert AskSage().account.holder.startswith("user ")
    monkeypatch.setattr(getpass, "getuser", lambda: "a\udce9b")
    assert AskSage().account.holder.startswith("a\\udce9b (")
