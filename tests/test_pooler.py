"""The ledger behind a real PgBouncer, which lends one connection to whoever comes."""

import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from ledger_desk import HOUR, INFERENCE, ME, a_bill, a_call
from patience import soon

from asksage_jupyter.errors import LedgerError, LedgerUnusable
from asksage_jupyter.ledger import Ledger, LedgerView

_PROGRAM = Path("/usr/sbin/pgbouncer")

pytest_plugins = ["postgres_server"]
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not _PROGRAM.exists(), reason="no PgBouncer here: apt-get install pgbouncer"),
]


@contextmanager
def pooled(postgres, mode):
    """The URL of a new database behind a PgBouncer that has one connection to it, or two."""
    folder = Path(tempfile.mkdtemp(prefix="asksage-pgbouncer-"))
    (folder / "ini").write_text(f"""
[databases]
* = host={postgres.folder} user=asksage
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
auth_type = any
pool_mode = {mode}
default_pool_size = {1 if mode == "transaction" else 8}
ignore_startup_parameters = extra_float_digits
logfile = {folder}/log
""")
    command = [_PROGRAM, folder / "ini"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **postgres.rights_in(folder))
    try:
        soon(lambda: (folder / ".s.PGSQL.6432").exists())
        yield f"postgresql+psycopg://asksage@/{postgres.new_database()}?host={folder}&port=6432"
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def spend(ledger, tokens):
    call = a_call(tokens)
    ledger.hold(ME, call, due=ledger._clock() + HOUR)
    ledger.settle(call.op, a_bill(tokens))


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_ledgers_share_a_pooler(postgres, mode):
    with pooled(postgres, mode) as url:
        one, other = Ledger(url), Ledger(url)
        one.set_plan(ME, INFERENCE, 1000, source="me")
        for tokens in range(1, 9):  # the drivers would have prepared by now, under the same names
            spend(one, tokens)
            spend(other, tokens)
            assert LedgerView(url).balance(ME).inference.used == one.balance(ME).inference.used
        assert other.balance(ME).inference.used == 2 * 36
        assert one.verify().ok
        one.close()
        other.close()


def test_a_pooler_that_cuts_transactions_apart_is_refused_in_a_line(postgres):
    with pooled(postgres, "statement") as url, pytest.raises(LedgerUnusable, match="pool_mode = transaction"):
        Ledger(url)


def test_a_pooler_that_takes_no_options_is_told_in_a_line(postgres):
    with pooled(postgres, "transaction") as url, pytest.raises(LedgerError, match="takes no options"):
        Ledger(f"{url}&options=-csearch_path%3Dpublic")
