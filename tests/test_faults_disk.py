"""Disks that fail, fill up, turn read-only or lose their power: what was acknowledged stays."""

import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fault_desk import check
from faulty_disk import COMPILER, check_replies, compiled, on_disk
from power_cut import cuts, events

from asksage_jupyter.errors import LedgerError
from asksage_jupyter.session.keeping.file import StoreUnusable

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        sys.platform != "linux" or COMPILER is None, reason="the failing disk needs Linux and a C compiler"
    ),
]

EACH = 2  # the step from one point of failure to the next; benchmarks/faults.py takes them all


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("disk"))


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC], ids=["broken", "full"])
def test_any_write_or_sync_of_a_clients_life_may_fail(library, tmp_path, error):
    found = on_disk(library, "each_fails", tmp_path, error, EACH)
    assert found["points"] > 50
    assert 0 < found["told"] <= found["points"]  # the others were tried again in silence


def test_every_nth_write_and_sync_may_fail(library, tmp_path):
    found = on_disk(library, "every_nth_fails", tmp_path, errno.EIO, 20)
    assert found["failed"] > 100
    assert found["told"] > 20


def test_a_client_may_be_killed_in_any_of_its_writes_and_syncs(library, tmp_path):
    assert on_disk(library, "killed_at_each", tmp_path, EACH)["points"] > 50


@pytest.mark.parametrize("every", [0, 29], ids=["sound", "with failing syncs"])
def test_a_power_cut_loses_nothing_acknowledged_and_the_file_opens(library, tmp_path, every):
    for name in ("disk", "cuts"):
        (tmp_path / name).mkdir()
    on_disk(library, "remembered", tmp_path / "disk", tmp_path / "journal", 150, every)
    survived = 0
    for place, heard in cuts(events(tmp_path / "journal"), tmp_path / "cuts", 40, seed=every):
        check(place, heard)
        survived += 1
    assert survived == 40


@pytest.mark.parametrize("every", [0, 29], ids=["sound", "with failing syncs"])
def test_a_power_cut_loses_no_claim_and_no_reply_that_was_kept(library, tmp_path, every):
    """Or a row of a map would be sent, and billed, twice."""
    for name in ("disk", "cuts"):
        (tmp_path / name).mkdir()
    told = on_disk(library, "remembered_replies", tmp_path / "disk", tmp_path / "journal", 150, every)["told"]
    assert bool(told) is bool(every)
    kept = 0
    for place, heard in cuts(events(tmp_path / "journal"), tmp_path / "cuts", 40, seed=every):
        check_replies(place, heard)
        kept += sum(word == "settled" for word in heard.values())
    assert kept > 100


def found_out(library, folder, what, number, look, error):
    """How many cuts of a disk that lies about its syncs are found out by `look`, or by its `error`."""
    for name in ("disk", "cuts"):
        (folder / name).mkdir()
    on_disk(library, what, folder / "disk", folder / "journal", number, 0)
    told = [event for event in events(folder / "journal") if event.kind != "sync" or "wal" not in event.name]
    lost = 0
    for place, heard in cuts(told, folder / "cuts", 20, seed=1):
        try:
            look(place, heard)
        except (AssertionError, error):
            lost += 1
    return lost


def test_a_store_of_replies_that_does_not_wait_for_its_disk_is_found_out(library, tmp_path):
    assert found_out(library, tmp_path, "remembered_replies", 40, check_replies, StoreUnusable) > 0


def test_a_disk_that_lies_about_its_syncs_is_found_out(library, tmp_path):
    """The proof above would notice a ledger that does not wait for its syncs."""
    assert found_out(library, tmp_path, "remembered", 20, check, LedgerError) > 0


# A small disk of its own

CAN_MOUNT = "unshare --map-root-user --mount mount -t tmpfs none /mnt"


@pytest.mark.skipif(
    shutil.which("unshare") is None or subprocess.run(CAN_MOUNT.split(), capture_output=True).returncode != 0,
    reason="no right to mount a small disk here",
)
def test_a_real_disk_that_is_full_and_then_read_only(tmp_path):
    driver = Path(__file__).with_name("small_disk.py")
    script = 'mount -t tmpfs -o size=20m none "$1" && exec "$2" -W error "$3" "$1"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", tmp_path, sys.executable]
    done = subprocess.run([*command, driver], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert "is full" in told["full"]
    assert "permissions" in told["read-only"]
