"""The small files beside the ledger: whatever is in them, they stop nothing."""

import json
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from patience import WAIT_S

from asksage_jupyter import beside
from asksage_jupyter.account import Account
from asksage_jupyter.ledger.stores.arrived import Arrived
from asksage_jupyter.ledger.stores.outbox import Outbox
from asksage_jupyter.rates import Rates
from asksage_jupyter.session.holder.access import Access
from asksage_jupyter.session.holding.ceiling import Ceiling
from asksage_jupyter.session.managing.requests import pending
from asksage_jupyter.session.origins import renames
from asksage_jupyter.session.training.underway import Register
from asksage_jupyter.session.training.uploaded import Uploads
from asksage_jupyter.usage_log.manifest import Manifest

ME = Account("api.example", "ana@example")

READERS = {
    "renames.json": lambda file: list(renames.called_before(file.parent, "a", 0, 9)),
    "access": lambda file: Access(file.parent, ME, lambda: 5).noted(),
    "ceiling.json": lambda file: Ceiling(lambda: file).is_near,
    "requests.json": lambda file: [f"{each.tokens:,}" for each in pending(file.parent, ME)],
    "uploads.jobs": lambda file: Register(file.parent).all(),
    "uploads.sha256": lambda file: Uploads(file.parent, ME).done(),
    "manifest.json": lambda file: Manifest.read(file, [ME.host, ME.holder]),
    "rates.json": lambda file: Rates(file.parent, "h").older("m"),
    "outbox": lambda file: Outbox(file).waiting(),
    "o.arrived": lambda file: "op" in Arrived(file.with_suffix("")),
}


def file_of(folder, name):
    return beside.of_account(folder / "access", ME) if name == "access" else folder / name


def put(folder, name, contents):
    file = file_of(folder, name)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(contents)
    return file if name != "access" else folder / "ledger.db"


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    "contents",
    [b"", b"[" * 50_000, b'{"a":' * 50_000, b"\xff\xfe", b"\0" * 99, b"[Infinity, NaN]", b"1" * 9999],
)
def test_a_damaged_file_is_as_good_as_none(tmp_path, name, contents):
    nothing = READERS[name](put(tmp_path, name, b"null"))
    assert READERS[name](put(tmp_path, name, contents)) == nothing


@pytest.mark.parametrize("name", READERS)
def test_a_folder_in_its_place_is_as_good_as_none(tmp_path, name):
    file = file_of(tmp_path, name)
    file.mkdir(parents=True)
    READERS[name](file if name != "access" else tmp_path / "ledger.db")


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
)
WORDS = (
    "old", "new", "at", "state", "words", "asking", "tokens", "meter", "mark",
    "job", "ops", "seals", "check", "format", "months", "chains", "account", "hosts",
    "h", "m", "rate", "samples", "prompt", "completion", "flat", "as_of", "op",
    "bill", "source", "status", "ok", "billed",
)  # fmt: skip
told = st.recursive(
    plain | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
)


@pytest.mark.long
@given(st.sampled_from(sorted(READERS)), told)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_is_told_is_read_or_passed_over(tmp_path, name, value):
    READERS[name](put(tmp_path, name, json.dumps(value).encode()))


ENDLESS = {"prompt": 1, "completion": 1, "as_of": 1e999}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rates.json", {"format": 1, "hosts": {"h": {"m": {"rate": [1]}}}}),
        ("rates.json", {"format": 1, "hosts": {"h": {"m": {"rate": ENDLESS}}}}),
        (
            "rates.json",
            {"format": 1, "hosts": {"h": {"m": {"rate": {"prompt": 1, "completion": 1, "as_of": 1e999}}}}},
        ),
        ("requests.json", {f"{ME.holder} at {ME.host}": 5}),
        ("requests.json", {f"{ME.holder} at {ME.host}": [{"tokens": "many", "meter": 1, "state": None}]}),
        ("renames.json", [{"old": "b", "new": "a", "at": "now"}]),
        ("access", {"state": "asking", "words": "", "at": 1e999}),
        ("ceiling.json", [1e999, 1]),
    ],
)
def test_what_is_no_figure_is_passed_over(tmp_path, name, value):
    nothing = READERS[name](put(tmp_path, name, b"null"))
    assert READERS[name](put(tmp_path, name, json.dumps(value).encode())) == nothing


def test_what_is_written_is_whole_and_for_this_person_alone(tmp_path):
    file = tmp_path / "new" / "told.json"
    beside.write(file, {"a": 1})
    with pytest.raises(TypeError):
        beside.write(file, {"a": object()})
    assert beside.read(file) == {"a": 1}
    assert [each.name for each in file.parent.iterdir()] == ["told.json"]
    beside.append(log := tmp_path / "log", "one")
    if sys.platform != "win32":
        assert [each.stat().st_mode & 0o777 for each in (file, log)] == [0o600, 0o600]


def test_lines_of_several_processes_are_whole(tmp_path):
    write = "import sys, pathlib; from asksage_jupyter import beside\n"
    write += "for n in range(50): beside.append(pathlib.Path(sys.argv[1]), sys.argv[2] * 500)"
    writers = [subprocess.Popen([sys.executable, "-c", write, str(tmp_path / "log"), each]) for each in "ab"]
    assert [each.wait(WAIT_S) for each in writers] == [0, 0]
    lines = (tmp_path / "log").read_text().split()
    assert sorted(lines) == ["a" * 500] * 50 + ["b" * 500] * 50
