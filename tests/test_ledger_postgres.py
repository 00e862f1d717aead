"""The ledger on a real PostgreSQL server: what it adds to the contract that `test_ledger` has."""

import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from cut_wire import Wire
from ledger_desk import (
    DAY,
    HOUR,
    INFERENCE,
    ME,
    PROCESSES,
    Clock,
    a_bill,
    a_call,
    figures,
    hold_once,
    open_and_close,
)
from patience import WAIT_S, soon
from sqlalchemy import CheckConstraint, inspect

from asksage_jupyter.account import Account
from asksage_jupyter.errors import LedgerError, LedgerMissing, LedgerTooNew, LedgerUnusable
from asksage_jupyter.ledger import CALL_COLUMNS, Ledger, LedgerView, new_op
from asksage_jupyter.ledger.reads import audit
from asksage_jupyter.ledger.stores.place import place_of
from asksage_jupyter.ledger.stores.postgres import connection
from asksage_jupyter.ledger.stores.postgres.steps import STEPS
from asksage_jupyter.ledger.stores.postgres.store import ServerStore
from asksage_jupyter.ledger.stores.steps import STEPS as FILE_STEPS
from asksage_jupyter.ledger.tables.schema import metadata
from asksage_jupyter.month import now

pytest_plugins = ["postgres_server"]


@pytest.fixture
def schema(postgres):
    return postgres.new_schema()


@pytest.fixture
def url(postgres, schema):
    return postgres.url("postgres", schema=schema)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(url, clock):
    with closing(Ledger(url, clock=clock)) as ledger:
        ledger.set_plan(ME, INFERENCE, 1000, source="me")
        yield ledger


def spend(ledger, tokens=5):
    call = a_call(tokens, ledger._clock)
    ledger.hold(ME, call, due=call.sent_at + HOUR)
    ledger.settle(call.op, a_bill(tokens))
    return call.op


def spends(ledger):
    """Whether it can; a hasty one on a busy machine may not at once."""
    try:
        return bool(spend(ledger))
    except LedgerError:
        return False


def cut_all(postgres):
    """End every backend, as an operator or a crash would."""
    postgres.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'asksage_jupyter' AND pid <> pg_backend_pid()"
    )


@contextmanager
def stopped(postgres):
    postgres.stop()
    try:
        yield
    finally:
        postgres.start()


# The place


def test_a_url_is_shown_without_what_may_be_secret():
    for url in ("postgresql://me:se%40cret@db/sage", "postgresql+psycopg://me@db/sage?password=secret"):
        place = place_of(url)
        assert place.title == "postgresql://db/sage"
        assert "secret" not in repr(place)
    assert place.path is None
    assert place_of("postgresql://db/sage").folder != place_of("postgresql://db/other").folder


@pytest.mark.parametrize(
    "url",
    ["postgresql://me:sec:ret@db:port/x", "postgresql://me:secret@[db", "postgresql://me:secret@db:99999/x"],
)
def test_a_url_that_is_none_is_refused_without_being_repeated(url):
    with pytest.raises(LedgerError) as refused:
        Ledger(url)
    assert "ret" not in str(refused.value).replace("try", "")


def test_a_missing_driver_is_told_in_one_line(monkeypatch):
    for module in ("server", "store"):
        monkeypatch.setitem(sys.modules, f"asksage_jupyter.ledger.stores.postgres.{module}", None)
    for kind in (Ledger, LedgerView):
        with pytest.raises(LedgerUnusable, match=r"pip install 'asksage_jupyter\[postgres\]'"):
            kind("postgresql://db/sage")


def test_a_password_is_checked_and_never_told(postgres, monkeypatch):
    name = postgres.new_schema()
    postgres.execute("DROP ROLE IF EXISTS locked")
    postgres.execute("CREATE ROLE locked LOGIN PASSWORD 'open-sesame'")
    postgres.execute(f"GRANT ALL ON SCHEMA {name} TO locked")
    url = postgres.url("postgres", schema=name)
    with pytest.raises(LedgerUnusable, match="it asks for a password"):
        Ledger(url.replace("asksage@", "locked@"))
    with pytest.raises(LedgerUnusable, match="not accepted") as refused:
        Ledger(url.replace("asksage@", "locked:open-barley@"))
    assert "barley" not in repr(refused.value)
    Ledger(url.replace("asksage@", "locked:open-sesame@")).close()
    monkeypatch.setenv("PGPASSWORD", "open-sesame")
    Ledger(url.replace("asksage@", "locked@")).close()


# The driver warns of its cursor, which nobody can close any more.
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
def test_a_server_that_is_lost_while_the_ledger_is_verified_is_no_damage(postgres, ledger, monkeypatch):
    spend(ledger)
    follow = audit._Chain.follow

    def lose(chain, row):
        postgres.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE application_name = 'asksage_jupyter' AND state <> 'idle'"
        )
        yield from follow(chain, row)

    with monkeypatch.context() as losing:
        losing.setattr(audit._Chain, "follow", lose)
        with pytest.raises(LedgerError, match="cannot be reached"):
            ledger.verify()
    assert ledger.verify().ok


def test_behind_a_pooler_that_keeps_no_statements_is_told_what_helps(ledger):
    for _ in range(8):
        figures(ledger)  # what is asked often is prepared
    forget = "DO $$BEGIN EXECUTE 'DEALLOCATE ALL'; END$$"  # as if another server's connection were given
    ledger._store.read(lambda connection: connection.exec_driver_sql(forget))
    with pytest.raises(LedgerUnusable, match="leave prepare_threshold out"):
        figures(ledger)


def test_who_may_not_write_is_told_so(postgres, url, ledger):
    postgres.execute("DROP ROLE IF EXISTS onlooker")
    postgres.execute("CREATE ROLE onlooker LOGIN")
    with pytest.raises(LedgerUnusable, match="ask its owner"):
        Ledger(url.replace("asksage@", "onlooker@"))


def test_what_can_only_be_read_is_told_so(postgres, url, ledger):
    postgres.execute("CREATE ROLE reader LOGIN SUPERUSER")
    postgres.execute("ALTER ROLE reader SET default_transaction_read_only = on")
    with closing(Ledger(url.replace("asksage@", "reader@"))) as mine:
        assert figures(mine) == (1000, 0, 0)
        with pytest.raises(LedgerUnusable, match="can only be read now"):
            spend(mine)


# Making and migrating


def test_the_steps_make_the_tables_as_they_are_described(ledger, schema):
    assert len(STEPS) == len(FILE_STEPS)
    with ledger._store.reading() as connection:
        made = inspect(connection)
        for name, table in metadata.tables.items():
            columns = {column["name"]: column for column in made.get_columns(name, schema)}
            assert list(columns) == list(table.columns.keys())
            for column in table.columns:
                assert columns[column.name]["nullable"] == column.nullable
                assert isinstance(columns[column.name]["type"], column.type.as_generic().__class__)
            checks = {check["name"] for check in made.get_check_constraints(name, schema)}
            assert checks == {c.name for c in table.constraints if isinstance(c, CheckConstraint)}
            assert {index.name for index in table.indexes} <= {
                index["name"] for index in made.get_indexes(name, schema)
            }


def test_unique_keys_hold_the_grant_or_the_account_and_an_op_is_unique_everywhere(ledger, postgres, schema):
    keys = postgres.execute(
        "SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum) FROM pg_index i "
        "JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey) "
        f"WHERE i.indisunique AND n.nspname = '{schema}' GROUP BY i.indexrelid, c.relname"
    )
    loose = [
        (table, columns)
        for table, columns in keys
        if table not in ("account", "grant_") and not {"grant_id", "account_id"} & set(columns)
    ]
    assert loose == [("call", ["op"])]


def test_several_processes_may_make_the_tables_at_once(url):
    start, results = PROCESSES.Barrier(6), PROCESSES.Queue()
    openers = [PROCESSES.Process(target=open_and_close, args=(url, now(), start, results)) for _ in range(6)]
    for opener in openers:
        opener.start()
    assert [results.get(timeout=WAIT_S) for _ in openers] == ["ok"] * 6
    for opener in openers:
        opener.join()


def test_a_migration_that_is_killed_in_the_middle_leaves_nothing(postgres, url, schema):
    def killed(connection):
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(LedgerError, match="the connection was lost"):
        ServerStore(place_of(url), 10, steps=(*STEPS[:1], killed))
    assert postgres.execute(f"SELECT * FROM pg_tables WHERE schemaname = '{schema}'") == []
    with closing(Ledger(url)) as ledger:
        assert ledger.verify().ok


def test_an_older_ledger_is_migrated_and_a_newer_one_left_alone(postgres, url, schema):
    ServerStore(place_of(url), 10, steps=STEPS[:1]).close()
    with closing(Ledger(url)) as ledger:
        ledger.set_plan(ME, INFERENCE, 10, source="me")
    postgres.execute(f"UPDATE {schema}.ledger_version SET version = 99")
    with pytest.raises(LedgerTooNew, match="ledger version 99"):
        Ledger(url)
    with pytest.raises(LedgerTooNew), closing(LedgerView(url)) as view:
        view.balance(ME)


def test_a_schema_with_another_programs_tables_is_left_alone(postgres, url, schema):
    postgres.execute(f"CREATE TABLE {schema}.account (theirs TEXT)")
    with pytest.raises(LedgerUnusable, match="another program"):
        Ledger(url)
    assert postgres.execute(f"SELECT count(*) FROM pg_tables WHERE schemaname = '{schema}'") == [(1,)]


def test_a_view_makes_nothing_and_sees_the_ledger_once_it_is_there(postgres, url, schema):
    with closing(LedgerView(url)) as view:
        with pytest.raises(LedgerMissing):
            view.balance(ME)
        assert postgres.execute(f"SELECT * FROM pg_tables WHERE schemaname = '{schema}'") == []
        with closing(Ledger(url)) as ledger:
            ledger.set_plan(ME, INFERENCE, 70, source="me")
        assert view.balance(ME).inference.granted == 70


# Races


def test_of_many_who_meet_an_account_first_one_opens_the_month(url):
    Ledger(url).close()
    start, opened, wrong = threading.Barrier(8), [], []

    def meet():
        try:
            with closing(Ledger(url)) as ledger:
                start.wait(WAIT_S)
                opened.append(ledger.open_month(ME, INFERENCE, 500, used=7, source="the service"))
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=meet) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert sorted(opened) == [False] * 7 + [True]
    with closing(Ledger(url)) as ledger:
        assert figures(ledger) == (500, 7, 0)
        assert ledger.verify().ok


def test_a_wait_for_others_ends_and_says_so(postgres, url, schema, ledger):
    with (
        closing(Ledger(url, timeout_s=0.5)) as hasty,
        psycopg.connect(host=str(postgres.folder), user="asksage", dbname="postgres") as other,
    ):
        other.execute(f"SELECT id FROM {schema}.account FOR UPDATE")
        with pytest.raises(LedgerError, match="busy"):
            spend(hasty)
        other.rollback()
        soon(lambda: spends(hasty))


def test_a_read_that_another_program_keeps_waiting_ends_too(postgres, url, schema, ledger):
    with (
        closing(Ledger(url, timeout_s=0.5)) as hasty,
        psycopg.connect(host=str(postgres.folder), user="asksage", dbname="postgres") as other,
    ):
        other.execute(f"LOCK TABLE {schema}.entry IN ACCESS EXCLUSIVE MODE")  # as a dump or an upgrade may
        for look in (hasty.balance, hasty.presume):
            with pytest.raises(LedgerError, match="busy"):
                look(ME)
        other.rollback()
        soon(lambda: figures(hasty) == (1000, 0, 0))


def test_an_account_that_is_locked_holds_up_nobody_else(postgres, url, schema, ledger):
    you = Account("api.example", "you@example")
    ledger.set_plan(you, INFERENCE, 10, source="me")
    with psycopg.connect(host=str(postgres.folder), user="asksage", dbname="postgres") as other:
        other.execute(f"SELECT id FROM {schema}.account WHERE holder = 'me@example' FOR UPDATE")
        ledger.hold(you, a_call(1, ledger._clock), due=ledger._clock() + HOUR)
        assert figures(ledger, ME) == (1000, 0, 0)  # nor who reads


# Connections that are lost


def test_a_lost_connection_is_made_anew(postgres, ledger):
    spend(ledger)
    cut_all(postgres)
    spend(ledger)
    cut_all(postgres)
    assert figures(ledger) == (1000, 10, 0)
    assert ledger.verify().ok


@pytest.fixture
def wire(postgres, url):
    with tempfile.TemporaryDirectory(prefix="wire-") as folder:
        wire = Wire(postgres.folder, Path(folder))
        wire.url = url.replace(str(postgres.folder), folder)
        yield wire
        wire.close()


def test_a_commit_whose_answer_is_lost_is_booked_once(ledger, wire, clock):
    with closing(Ledger(wire.url, clock=clock)) as far:
        for cuts in (1, 2):
            wire.cut_after = b"COMMIT"
            spend(far)
            assert wire.cuts == cuts
    assert figures(ledger) == (1000, 10, 0)
    assert ledger.verify().entries == 5


def test_of_a_lost_server_the_driver_prints_nothing_besides_our_line(ledger, monkeypatch, capfd):
    monkeypatch.setattr(logging.root, "handlers", [])  # as in a kernel, where nobody configured any

    def lose(connection):
        driver = connection.connection.driver_connection
        with driver.pipeline():
            driver.pgconn.finish()
            raise LedgerError("the server is gone")

    with pytest.raises(LedgerError, match="gone"):
        ledger._store.read(lose)
    assert capfd.readouterr().err == ""


def test_a_server_that_falls_silent_is_given_up(ledger, wire, clock):
    with closing(Ledger(wire.url, clock=clock, timeout_s=1)) as far:
        spend(far)
        wire.silent = True
        for move in (lambda: spend(far), lambda: far.balance(ME)):
            with pytest.raises(LedgerError, match="no answer in time"):
                move()
        wire.silent = False
        spend(far)
    assert figures(ledger) == (1000, 10, 0)


def test_a_query_of_ones_own_may_take_longer_than_a_server_may_be_silent(url, clock):
    with closing(Ledger(url, clock=clock, timeout_s=0.5)) as hasty:
        slow = lambda connection: connection.exec_driver_sql("SELECT 7 FROM pg_sleep(1.6)").scalar()  # noqa: E731
        assert hasty._store.read(slow) == 7
        assert hasty._store.read(slow, snapshot=True) == 7


def test_a_server_process_that_stands_still_is_given_up(postgres, url, clock):
    """It does not work on the answer, though the server is there."""
    with closing(Ledger(url, clock=clock, timeout_s=0.5)) as hasty:
        pid = hasty._store.read(
            lambda connection: connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        )
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(LedgerError, match="no answer in time"):
                hasty.balance(ME)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert figures(hasty) == (None, 0, 0)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", "EUC_JP"])
def test_a_database_in_another_encoding_is_refused_in_one_line(postgres, encoding):
    name = f"in_{encoding.lower()}"
    postgres.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}'")
    for kind in (Ledger, lambda where: LedgerView(where).balance(ME)):
        with pytest.raises(LedgerUnusable, match=rf"keeps text as {encoding}.*ENCODING 'UTF8'") as refused:
            kind(postgres.url(name))
        assert "\n" not in str(refused.value)


def test_any_letter_is_kept_whatever_the_client_is_set_to(postgres, monkeypatch, url):
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    with closing(Ledger(url)) as ledger:
        ledger.set_plan(ME, INFERENCE, 1000, source="me")
        call = a_call(5, ledger._clock, notebook="🧮 数学.ipynb")
        ledger.hold(ME, call, due=ledger._clock() + HOUR)
        ledger.settle(call.op, a_bill(5))
        assert ledger.calls()[0][CALL_COLUMNS.index("notebook")] == "🧮 数学.ipynb"


def test_a_server_that_is_too_old_is_refused_in_one_line(url, monkeypatch):
    monkeypatch.setattr(connection, "_OLDEST", 990_000)
    with pytest.raises(LedgerUnusable, match=r"is PostgreSQL 1[0-9]: a ledger needs 99 or newer"):
        Ledger(url)


def test_without_a_server_one_line_says_that_nothing_is_sent(postgres, url, ledger):
    with stopped(postgres):
        for use in (lambda: spend(ledger), lambda: ledger.balance(ME), lambda: Ledger(url)):
            with pytest.raises(LedgerError, match="nothing is sent while it cannot") as refused:
                use()
            assert "\n" not in str(refused.value)
    spend(ledger)
    assert figures(ledger) == (1000, 5, 0)


def test_a_forked_child_and_its_parent_both_go_on(url):
    code = """
import os, sys
from ledger_desk import *
ledger = Ledger(sys.argv[1])
ledger.set_plan(ME, INFERENCE, 1000, source="me")

def spend():
    call = a_call(5)
    ledger.hold(ME, call, due=ledger._clock() + HOUR)
    ledger.settle(call.op, a_bill(5))

spend()
heard = threading.Event()
ledger.watch(heard.set)
inside, leave = threading.Event(), threading.Event()
writing = threading.Thread(target=ledger._store.write, args=(lambda _: inside.set() or leave.wait(),))
writing.start()
inside.wait()
if not (child := os.fork()):  # while another thread writes
    spend()
    ledger.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
leave.set()
writing.join()
heard.clear()
spend()
assert heard.wait(WAIT_S)
print(figures(ledger))
ledger.close()
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, url],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "(1000, 15, 0)\n", done.stderr


@pytest.mark.parametrize(("option", "are_prepared"), [("", True), ("&prepare_threshold=none", False)])
def test_statements_stay_prepared_unless_a_pooler_cannot_keep_them(ledger, url, option, are_prepared):
    with closing(Ledger(f"{url}{option}")) as other:
        for _ in range(8):
            spend(other)
        with other._store.reading() as connection:
            kept = connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar()
    assert bool(kept) == are_prepared


# Watching


def test_a_watch_hears_of_commits_elsewhere_and_outlives_a_lost_connection(postgres, url, ledger, clock):
    changed = threading.Event()
    stop = ledger.watch(changed.set)
    other = PROCESSES.Process(target=hold_once, args=(url, clock(), (new_op(), 40)))
    other.start()
    assert changed.wait(WAIT_S)
    other.join()
    while ledger.balance(ME).inference.held != 40:
        changed.clear()
        assert changed.wait(WAIT_S)
    changed.clear()
    cut_all(postgres)
    assert changed.wait(WAIT_S)  # what happened meanwhile is unknown
    while not figures(ledger)[1]:
        changed.clear()
        spend(ledger)
        assert changed.wait(WAIT_S)
    stop()
    changed.clear()
    spend(ledger)
    assert not changed.wait(0.05)


# Growing on

_BY_MONTH = {
    "entry": "RANGE (grant_id)",
    "bill": "RANGE (grant_id)",
    "call": "RANGE (op)",
}
_BY_GRANT = {"entry": "HASH (grant_id)", "bill": "HASH (grant_id)", "call": "HASH (op)"}


def parts(table, how):
    """The DDL of a table's parts, two of each."""
    if how.startswith("HASH"):
        return [f"FOR VALUES WITH (MODULUS 2, REMAINDER {part})" for part in range(2)]
    cut = "2" if "grant_id" in how else f"'{new_op()}'"
    return [f"FOR VALUES FROM (MINVALUE) TO ({cut})", f"FOR VALUES FROM ({cut}) TO (MAXVALUE)"]


def in_parts(how):
    """The steps, with these tables cut into parts."""

    class Cutting:
        def __init__(self, connection):
            self._run, self.scalar = connection.exec_driver_sql, connection.scalar

        def exec_driver_sql(self, statement):
            name = statement.split()[2] if statement.split()[:2] == ["CREATE", "TABLE"] else None
            if name not in how:
                return self._run(statement)
            self._run(f"{statement} PARTITION BY {how[name]}")
            for number, part in enumerate(parts(name, how[name])):
                self._run(f"CREATE TABLE {name}_{number} PARTITION OF {name} {part}")
            return None

    return tuple(lambda connection, step=step: step(Cutting(connection)) for step in STEPS)


@pytest.mark.parametrize("how", [_BY_MONTH, _BY_GRANT], ids=["by month", "by grant"])
def test_the_tables_may_be_cut_into_parts(url, clock, how, postgres, schema):
    ServerStore(place_of(url), 10, steps=in_parts(how)).close()
    with closing(Ledger(url, clock=clock)) as ledger:
        ledger.set_plan(ME, INFERENCE, 1000, source="me")
        first = spend(ledger, 10)
        clock.t += 10 * DAY  # the next month
        late = a_call(20, clock)
        ledger.hold(ME, late, due=clock() + HOUR)
        spend(ledger, 30)
        clock.t += 2 * HOUR
        assert ledger.presume() == 1
        ledger.settle(late.op, a_bill(25))
        ledger.settle(first, a_bill(10))
        ledger.correct(ME, INFERENCE, 7, op=new_op())
        assert figures(ledger) == (1000, 62, 0)
        assert len(ledger.calls(ME)) == 3
        for number in range(6):
            ledger.set_plan(Account("api.example", f"{number}@example"), INFERENCE, 10, source="me")
        assert ledger.verify().problems == ()
    filled = [postgres.execute(f"SELECT count(*) FROM {schema}.entry_{part}")[0][0] for part in range(2)]
    assert all(filled)
