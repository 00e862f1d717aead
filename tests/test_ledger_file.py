"""The file: what the database itself refuses, what verify finds, and how a bad place is told."""

import errno
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import warnings
from contextlib import closing
from pathlib import Path

import pytest
from ledger_desk import HOUR, INFERENCE, ME, PROCESSES, Clock, a_bill, a_call, figures, open_as_nobody
from patience import WAIT_S
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from asksage_jupyter import locks
from asksage_jupyter.account import Meter
from asksage_jupyter.errors import LedgerError, LedgerTooNew, LedgerUnusable
from asksage_jupyter.ledger import Ledger, new_op
from asksage_jupyter.ledger.stores import place as ledger_place
from asksage_jupyter.ledger.stores.place import ballast_of, is_on_network
from asksage_jupyter.ledger.stores.sqlite.store import FileStore
from asksage_jupyter.ledger.stores.steps import STEPS
from asksage_jupyter.settings import AskSage


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(path):
    """A ledger with one settled call of 90 and one open hold of 10, of 1,000."""
    clock = Clock()
    ledger = Ledger(path, clock=clock)
    ledger.set_plan(ME, INFERENCE, 1000, source="me")
    for tokens in (100, 10):
        call = a_call(tokens, clock, notebook="a.ipynb")
        ledger.hold(ME, call, due=clock() + HOUR)
        if tokens == 100:
            ledger.settle(call.op, a_bill(90))
    yield ledger
    ledger.close()


def sql(ledger, statement):
    ledger._store.write(lambda connection: connection.execute(text(statement)))


# What the database refuses

ENTRY = "INSERT INTO entry (grant_id, seq, op, kind, tokens, granted, held, used, t, due, hash) VALUES "
HASH = "zeroblob(32)"
BILL = "INSERT INTO bill (grant_id, seq, op, t, tokens, source, status) "


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(
            f"{ENTRY} (1, 4, 'x', 'correct', 1, 1000, 10, 91, 1, NULL, {HASH})", id="a stale writer"
        ),
        pytest.param(f"{ENTRY} (1, 5, 'x', 'hold', 901, 1000, 911, 90, 1, 1, {HASH})", id="overspending"),
        pytest.param(f"{ENTRY} (1, 5, 'x', 'hold', 0, 1000, 10, 90, 1, 1, {HASH})", id="a hold of nothing"),
        pytest.param(f"{ENTRY} (1, 5, 'x', 'hold', 1, 1000, 11, 90, 1, NULL, {HASH})", id="a hold never due"),
        pytest.param(
            f"{ENTRY} (1, 5, 'x', 'settle', 1, 1000, 10, 91, 1, 1, {HASH})", id="a settle with a due"
        ),
        pytest.param(f"{ENTRY} (1, 5, 'x', 'edit', 1, 1000, 10, 91, 1, NULL, {HASH})", id="an unknown kind"),
        pytest.param(f"{ENTRY} (1, 0, 'x', 'correct', 1, 1000, 10, 91, 1, NULL, {HASH})", id="entry nought"),
        pytest.param(f"{ENTRY} (1, 5, 'x', 'settle', 1, 1000, -1, 91, 1, NULL, {HASH})", id="released twice"),
        pytest.param(
            f"{ENTRY} (1, 5, 'x', 'grant', -9, -1, 0, 90, 1, NULL, {HASH})", id="granted below zero"
        ),
        pytest.param(f"{ENTRY} (1, 5, 'x', 'correct', 1, 1000, 10, 91, 1, NULL, x'00')", id="half a hash"),
        pytest.param(f"{ENTRY} (9, 1, 'x', 'grant', 1, 1, 0, 0, 1, NULL, {HASH})", id="no such grant"),
        pytest.param(
            f"{ENTRY} (1, 5, (SELECT op FROM bill), 'settle', 1, 1000, 10, 91, 1, NULL, {HASH})",
            id="settled twice",
        ),
        pytest.param(
            f"{ENTRY} (1, 5, (SELECT op FROM bill), 'hold', 1, 1000, 11, 90, 1, 1, {HASH})", id="held twice"
        ),
        pytest.param(
            "INSERT INTO account VALUES (9, 'api.example', 'me@example', 'inference', 'UTC')", id="twins"
        ),
        pytest.param(
            "INSERT INTO account VALUES (9, 'api.example', 'x', 'images', 'UTC')", id="a third meter"
        ),
        pytest.param("INSERT INTO plan VALUES (1, 1, '2026-11', 5, 'me')", id="a plan overwritten"),
        pytest.param("INSERT INTO plan VALUES (1, 2, '2026-11', -5, 'me')", id="a plan that takes"),
        pytest.param("INSERT INTO grant_ VALUES (9, 1, 'allotment:2026-11', 1, 2)", id="a second allotment"),
        pytest.param("INSERT INTO grant_ VALUES (9, 1, 'top-up:1', 2, 2)", id="a grant of no time"),
        pytest.param("INSERT INTO grant_ VALUES (9, 9, 'top-up:1', 1, 2)", id="a grant to nobody"),
        pytest.param(
            "INSERT INTO call (op, account_id, sent_at, model, estimate) SELECT op, 1, 1, 'm', 1 FROM call",
            id="a call asked twice",
        ),
        pytest.param(
            "INSERT INTO call (op, account_id, sent_at, model, estimate) VALUES ('y', 1, 1, 'm', -1)",
            id="an estimate below zero",
        ),
        pytest.param(f"{BILL} SELECT grant_id, seq, op, 1, 1, 'billed', 'ok' FROM bill", id="a second bill"),
        pytest.param(
            f"{BILL} SELECT 1, 99, op, 1, 1, 'billed', 'ok' FROM bill", id="a bill without an entry"
        ),
        pytest.param(f"{BILL} VALUES (1, 1, 'nobody', 1, 1, 'billed', 'ok')", id="a bill without a call"),
        pytest.param(f"{BILL} SELECT 1, 1, op, 1, -1, 'billed', 'ok' FROM bill", id="a bill below zero"),
    ],
)
def test_the_database_itself_refuses(ledger, statement):
    with pytest.raises(LedgerError), warnings.catch_warnings():
        sql(ledger, statement)
    with ledger._store.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(text(statement))
    assert ledger.verify().ok


# What verify finds


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE entry SET tokens = 1 WHERE kind = 'settle'", "totals"),
        ("UPDATE entry SET used = 0 WHERE seq = 4", "totals"),
        ("UPDATE entry SET due = due + 1 WHERE seq = 4", "hash"),
        ("UPDATE entry SET op = 'x' WHERE seq = 1", "hash"),
        ("UPDATE entry SET t = t - 1 WHERE seq = 4", "older"),
        ("UPDATE entry SET hash = zeroblob(32) WHERE seq = 1", "hash"),
        ("UPDATE entry SET seq = 9 WHERE seq = 4", "missing"),
        ("UPDATE call SET notebook = 'b.ipynb'", "hash"),
        ("UPDATE call SET estimate = estimate + 1", "hash"),
        ("UPDATE bill SET tokens = 1", "bill is not what"),
        ("UPDATE bill SET source = 'log'", "hash"),
        ("UPDATE grant_ SET ends = ends + 1", "hash"),
        ("UPDATE account SET holder = 'you@example'", "hash"),
        ("INSERT INTO call (op, account_id, sent_at, model, estimate) VALUES ('y', 1, 1, 'm', 1)", "no hold"),
        ("INSERT INTO grant_ VALUES (9, 1, 'top-up:1', 1, 2)", "no entry"),
        ("CREATE TRIGGER t BEFORE INSERT ON entry BEGIN SELECT RAISE(IGNORE); END", "trigger t"),
    ],
)
def test_verify_finds_what_was_tampered_with(ledger, statement, problem):
    assert ledger.verify().ok
    sql(ledger, statement)
    found = ledger.verify()
    assert not found.ok
    assert any(problem in line for line in found.problems), found.problems


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("DELETE FROM grant_ WHERE source = 'top-up:1'", "1 rows of entry have lost their grant_"),
        ("DELETE FROM account WHERE meter = 'training'", "1 rows of grant_ have lost their account"),
        ("UPDATE entry SET grant_id = 9 WHERE seq = 4", "1 rows of entry have lost their grant_"),
        ("UPDATE plan SET account_id = 9 WHERE account_id = 2", "1 rows of plan have lost their account"),
    ],
)
def test_what_was_taken_from_under_others_leaves_no_ledger_without_a_fault(ledger, path, statement, problem):
    t = ledger._clock()
    ledger.grant(ME, INFERENCE, 5, source="top-up:1", starts=t, ends=t + HOUR)
    ledger.set_plan(ME, Meter.TRAINING, 100, source="me")
    ledger.close()
    with closing(sqlite3.connect(path)) as raw:  # which looks at no foreign key
        raw.execute(statement)
        raw.commit()
    assert problem in ledger.verify().problems


def test_a_chain_cut_off_at_its_end_shows_in_the_head(ledger):
    before = ledger.verify()
    sql(ledger, "DELETE FROM entry WHERE seq = 4")
    sql(ledger, "DELETE FROM call WHERE op NOT IN (SELECT op FROM bill)")
    after = ledger.verify()
    assert after.ok
    assert after.head != before.head


def test_the_head_is_the_same_for_whoever_reads_it(ledger, path):
    other = Ledger(path, clock=ledger._clock)
    assert other.verify() == ledger.verify()
    other.close()


# The file and its place


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no modes")
def test_the_file_and_its_folders_are_the_owners_alone(tmp_path):
    path = tmp_path / "a" / "b" / "ledger.sqlite"
    ledger = Ledger(path)
    ledger.set_plan(ME, INFERENCE, 1, source="me")
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)} == {0o700}
    modes = {item.name: stat.S_IMODE(item.stat().st_mode) for item in path.parent.iterdir()}
    assert {modes[path.name], modes[f"{path.name}-wal"], modes[f"{path.name}.lock"]} == {0o600}
    assert ledger.folder == path.parent
    ledger.close()


def test_a_ledger_is_durable_and_writes_ahead(ledger):
    def settings(connection):
        return [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
        ]

    assert ledger._store.write(settings) == ["wal", 3]


def test_a_url_of_sqlite_is_a_path_and_another_database_is_not_possible(path):
    Ledger(f"sqlite:///{path}").close()
    assert path.exists()
    with pytest.raises(LedgerUnusable, match="PostgreSQL") as refused:
        Ledger("mysql://me:secret@db/ledger")
    assert "secret" not in str(refused.value)
    for nowhere in ("sqlite://", "sqlite:///:memory:", "", ":memory:", "sqlite:///a?mode=ro"):
        with pytest.raises(LedgerUnusable, match="file"):
            Ledger(nowhere)


def test_a_newer_ledger_is_refused_and_left_alone(ledger, path):
    ledger.close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(LedgerTooNew, match="upgrade"):
        Ledger(path)
    assert path.read_bytes() == before


def test_an_older_ledger_is_migrated_in_one_transaction(ledger, path):
    ledger.close()

    def step(connection):
        connection.exec_driver_sql("ALTER TABLE plan ADD COLUMN note TEXT")

    def failing(connection):
        connection.exec_driver_sql("ALTER TABLE plan ADD COLUMN another TEXT")
        connection.exec_driver_sql("nonsense")

    with pytest.raises(LedgerUnusable):
        FileStore(path, steps=(*STEPS, step, failing))
    FileStore(path).close()  # still the old version
    store = FileStore(path, steps=(*STEPS, step))
    with store.reading() as connection:
        columns = [row[1] for row in connection.exec_driver_sql("PRAGMA table_info(plan)")]
        assert "note" in columns
        assert "another" not in columns
        assert connection.exec_driver_sql("PRAGMA user_version").scalar() == len(STEPS) + 1
    store.close()
    with pytest.raises(LedgerTooNew):
        FileStore(path)


def test_a_ledger_of_the_first_version_gets_its_index_of_presumes(path):
    old = FileStore(path, steps=STEPS[:1])
    old.close()
    store = FileStore(path)
    with store.reading() as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM sqlite_master WHERE name = 'entry_presumed'")
        assert found.scalar() == 1
        assert connection.exec_driver_sql("PRAGMA user_version").scalar() == len(STEPS)
    store.close()


def test_what_is_no_ledger_is_refused_and_left_alone(tmp_path):
    novel = tmp_path / "novel.txt"
    novel.write_text("It was a dark and stormy night. " * 200)
    with pytest.raises(LedgerUnusable, match="no ledger"):
        Ledger(novel)
    assert novel.read_text().startswith("It was")
    history = tmp_path / "history.sqlite"
    connection = sqlite3.connect(history)
    connection.execute("CREATE TABLE sessions (a)")
    connection.close()
    with pytest.raises(LedgerUnusable, match="another program"):
        Ledger(history)
    with pytest.raises(LedgerUnusable):
        Ledger(tmp_path)
    with pytest.raises(LedgerUnusable, match="permissions"):
        Ledger(novel / "ledger.sqlite")


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no modes")
@pytest.mark.parametrize("mode", [0o500, 0o700])
def test_a_place_without_the_right_to_write_is_told_in_a_line(mode):
    # Not under tmp_path, into which only its owner may look.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        place = Path(folder, "place")
        place.mkdir(mode=mode)
        if mode == 0o700 and os.geteuid() != 0:
            Ledger(place / "ledger.sqlite").close()
            (place / "ledger.sqlite").chmod(0o400)
        results = PROCESSES.Queue()
        nobody = PROCESSES.Process(target=open_as_nobody, args=(place / "ledger.sqlite", results))
        nobody.start()
        name, message = results.get(timeout=WAIT_S)
        nobody.join()
    assert name == "LedgerUnusable"
    assert "permissions" in message
    assert "\n" not in message


def test_a_file_that_is_moved_away_is_noticed_before_a_debit_is_lost(ledger, path):
    path.rename(path.with_suffix(".moved"))
    with pytest.raises(LedgerUnusable, match="moved or deleted"):
        ledger.correct(ME, INFERENCE, 1, op=new_op())
    with pytest.raises(LedgerUnusable, match="moved or deleted"):
        figures(ledger)
    path.write_bytes(b"")
    with pytest.raises(LedgerUnusable, match="moved or deleted"):
        ledger.correct(ME, INFERENCE, 1, op=new_op())
    path.with_suffix(".moved").rename(path)
    ledger.correct(ME, INFERENCE, 1, op=new_op())
    assert figures(ledger) == (1000, 91, 10)


@pytest.mark.skipif(os.name == "nt", reason="links of POSIX")
def test_a_link_that_leads_to_itself_is_told_in_a_line(path):
    path.symlink_to(path)
    with pytest.raises(LedgerUnusable, match="symbolic links"):
        Ledger(path)


def test_a_lock_that_fails_while_it_is_waited_for_is_told_at_once(ledger, monkeypatch):
    def fail(_, *, wait):
        if wait:
            raise OSError(errno.ENOLCK, "No locks available")
        return False

    with monkeypatch.context() as network:
        network.setattr(locks, "take", fail)
        with pytest.raises(LedgerUnusable, match="No locks available"):
            ledger.correct(ME, INFERENCE, 1, op=new_op())
    ledger.correct(ME, INFERENCE, 1, op=new_op())
    assert figures(ledger) == (1000, 91, 10)


def fill(ledger):
    """Let the file grow no further, as on a full disk."""
    ledger._store.write(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 1").close())


def test_a_full_disk_refuses_a_hold_and_keeps_the_ballast(ledger, path):
    fill(ledger)
    assert ballast_of(path).stat().st_size == 1 << 20
    written = ledger.verify().entries
    with pytest.raises(LedgerUnusable, match="full"):
        for _ in range(500):
            ledger.hold(ME, a_call(1, notebook="n" * 400), due=ledger._clock() + HOUR)
            written += 1
    assert ballast_of(path).exists()
    found = ledger.verify()
    assert found.ok
    assert found.entries == written


def test_on_a_full_disk_what_was_spent_is_booked_in_the_place_of_the_ballast(ledger, path):
    class MakeRoom:
        """Room appears when the ballast goes, as on a disk."""

        def __init__(self, store):
            self.store, self.transact = store, store._transact

        def __call__(self, move):
            def roomier(connection):
                pages = 1 if ballast_of(path).exists() else 1000
                connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}").close()
                return move(connection)

            return self.transact(roomier)

    ledger._store._transact = MakeRoom(ledger._store)
    for _ in range(200):
        ledger.correct(ME, INFERENCE, 1, op=new_op() + "x" * 100)
    assert not ballast_of(path).exists()
    assert figures(ledger) == (1000, 290, 10)
    assert ledger.verify().ok


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_error_of_the_commit_is_tried_again_and_books_once(ledger, when):
    writer = ledger._store._writer
    commit, failures = writer.commit, ["once"]

    def failing_commit():
        if when == "after":
            commit()
        if failures:
            failures.pop()
            raise sqlite3.OperationalError("disk I/O error")
        if when == "before":
            commit()

    writer.commit = failing_commit
    call = a_call(7)
    ledger.hold(ME, call, due=ledger._clock() + HOUR)
    assert figures(ledger) == (1000, 90, 17)
    assert ledger.verify().ok


def test_an_interrupt_inside_a_move_writes_nothing_and_harms_nothing(ledger):
    def interrupted(connection):
        connection.exec_driver_sql("UPDATE entry SET used = 0")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ledger._store.write(interrupted)
    assert figures(ledger) == (1000, 90, 10)
    ledger.correct(ME, INFERENCE, 1, op=new_op())
    assert ledger.verify().ok


def test_a_closed_ledger_opens_again_when_it_is_used(ledger):
    ledger.close()
    assert figures(ledger) == (1000, 90, 10)
    ledger.correct(ME, INFERENCE, 1, op=new_op())
    assert figures(ledger) == (1000, 91, 10)


# Network file systems


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("/home/me/ledger.sqlite", True),
        ("/home/me/local disk/ledger.sqlite", False),
        ("/var/ledger.sqlite", False),
        ("/team/ledger.sqlite", True),
        ("/once/ledger.sqlite", False),
    ],
)
def test_a_network_file_system_is_known_by_its_mount(tmp_path, place, expected):
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda / ext4 rw 0 0\nserver:/home /home nfs4 rw 0 0\n"
        "/dev/sdb /home/me/local\\040disk ext4 rw 0 0\n"
        "//server/team /team cifs rw 0 0\nserver:/once /once nfs rw 0 0\n/dev/sdc /once ext4 rw 0 0\n"
    )
    assert is_on_network(Path(place), mounts) is expected
    assert is_on_network(Path(place), tmp_path / "nowhere") is False


LOCAL = [
    "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "apfs", "hfs", "ntfs3", "tmpfs", "overlay", "f2fs",
    "bcachefs", "ufs", "vfat",
]  # fmt: skip
REMOTE = [
    "nfs", "nfs4", "cifs", "smb3", "9p", "afs", "ceph", "lustre", "gpfs", "virtiofs", "vboxsf", "vmhgfs",
    "davfs", "weka", "panfs", "beegfs", "ocfs2", "gfs2", "fuse", "fuseblk", "fuse.sshfs", "fuse.gcsfuse",
    "fuse.blobfuse2", "fuse.juicefs", "fuse.mount-s3", "fuse.dbfs", "fuse.ceph-fuse", "fuse.vmhgfs-fuse",
    "fuse.rclone", "fuse.glusterfs", "fuse.s3fs", "wslfs", "drvfs", "autofs", "an-unheard-of-one",
]  # fmt: skip


@pytest.mark.parametrize("kind", LOCAL + REMOTE)
def test_a_kind_of_file_system_that_is_not_known_to_be_local_is_not_trusted(tmp_path, kind):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\n\nsome:thing /data/a\\011b\\134 {kind} rw 0 0\nbroken\n")
    assert is_on_network(Path("/data/a\tb\\/ledger.db"), mounts) is (kind in REMOTE)
    assert not is_on_network(Path("/data/ledger.db"), mounts)


def test_where_there_is_no_table_a_program_tells_of_mounts(tmp_path, monkeypatch):
    program = tmp_path / "mount"
    program.write_text(
        "#!/bin/sh\necho '/dev/disk3s1 on / (apfs, local, journaled)'\n"
        "echo '//me@server/team on /Volumes/The team (smbfs, nodev, nosuid)'\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(ledger_place, "_MOUNTS", tmp_path / "nowhere")
    monkeypatch.setattr(ledger_place, "_MOUNT_PROGRAM", str(program))
    for where, expected in (("/Users/me/ledger.db", False), ("/Volumes/The team/ledger.db", True)):
        assert is_on_network(Path(where), tmp_path / "nowhere") is expected


def test_a_relative_place_is_one_file_wherever_it_is_looked_at(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    for name, told in (("set.db", "set.db"), ("url.db", "sqlite:///url.db"), ("env.db", None)):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("ASKSAGE_LEDGER", "env.db")
        AskSage.clear_instance()
        settings = AskSage.instance()
        if told is not None:
            settings.ledger = told
        where = settings.ledger
        monkeypatch.chdir("elsewhere")
        Ledger(where).close()
        Ledger(settings.ledger).close()
        assert (tmp_path / name).exists()
    child = "from asksage_jupyter.settings import AskSage; print(AskSage.instance().ledger)"
    told = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True).stdout
    assert told.strip() == str(tmp_path / "env.db")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_on_a_network_the_ledger_does_without_shared_memory_and_says_so(path):
    with pytest.warns(UserWarning, match="network file system"):
        store = FileStore(path, on_network=True)

    def settings(connection):
        return [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
        ]

    assert store.write(settings) == ["truncate", 3]
    wrong = []

    def read_and_write():
        try:
            for _ in range(20):
                store.write(lambda connection: connection.exec_driver_sql("UPDATE plan SET seq = 1").close())
                with store.reading() as connection:
                    connection.exec_driver_sql("SELECT * FROM plan").all()
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=read_and_write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    store.close()
