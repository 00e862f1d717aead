"""Who may see and write what, enforced by PostgreSQL itself: a member their own rows, an owner all of them.

A member's login (`login` maps it to an account) sees its own calls, bills and entries, and the chains of
its pool, which name nobody. It appends to its own chains and, with a call of its own, to the pool's, the
same tokens to both. In a pool it gets the tokens that the owner set and no others. Nobody updates or deletes,
and an entry that does not follow from the one before it is refused. What a call was billed is the client's
word, here as everywhere.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from ....account import Account
from ....errors import BadInput, LedgerConflict
from .rules import ADDS, ASKED, CHECKS, COLUMNS, LOGIN, SEES, TRIGGERS, WHO
from .rules.whole import TABLES

MEMBER, OWNER = "asksage_member", "asksage_owner"

_TABLES = ("account", "plan", "member", "grant_", "entry", "call", "bill", "login")
_LONGEST_ROLE = 63  # bytes, as PostgreSQL cuts a longer name without a word

_ROLE = """
DO $$ BEGIN
    CREATE ROLE {role} NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""

OWNS_TABLES = """
SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('account')
"""

# Their places were taken by others that `checks` has.
_OF_BEFORE = (
    "DROP FUNCTION IF EXISTS asksage_may_append(bigint, bigint, text, text, bigint), "
    "asksage_share(bigint, bigint)"
)

_SECURITY = "row level security"
_IN_FORCE = """
SELECT relname::text, 'row level security' FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relrowsecurity
UNION ALL SELECT relname::text, tgname::text FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE relnamespace = current_schema()::regnamespace AND tgenabled IN ('O', 'A')
UNION ALL SELECT relname::text, polname::text FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid
    WHERE relnamespace = current_schema()::regnamespace
"""

# Nobody else calls the functions, nor a member any but those that policies ask; nobody puts others beside the
# tables for them to find.
_CLOSED = """
DO $$
DECLARE
    each REGPROCEDURE;
    word TEXT;
BEGIN
    FOR each, word IN SELECT oid, proname FROM pg_proc
        WHERE pronamespace = current_schema()::regnamespace AND starts_with(proname, 'asksage_')
    LOOP
        EXECUTE concat('REVOKE ALL ON FUNCTION ', each, ' FROM PUBLIC, {members}');
        IF word = ANY ('{{{asked}}}') THEN
            EXECUTE concat('GRANT EXECUTE ON FUNCTION ', each, ' TO {members}');
        END IF;
    END LOOP;
    IF has_schema_privilege('public', current_schema()::text, 'CREATE') THEN
        EXECUTE concat('REVOKE CREATE ON SCHEMA ', quote_ident(current_schema()), ' FROM PUBLIC');
    END IF;
END $$
"""


def install(connection: Connection) -> None:
    """Make the roles, and the rules of every table; again changes nothing.

    Whoever does not own the tables leaves rules that are there as they are.
    """
    run = connection.exec_driver_sql
    if are_installed(connection) and not run(OWNS_TABLES).scalar_one():
        return
    for role in (MEMBER, OWNER):
        run(_ROLE.format(role=role))
    schema = _quoted(connection, run("SELECT current_schema()").scalar_one())
    for statement in (LOGIN, *WHO, *CHECKS, *TRIGGERS):
        run(statement.replace("{schema}", schema))
    for table in _TABLES:
        _guard(connection, table)
    run(_OF_BEFORE)
    run(_CLOSED.format(members=f"{MEMBER}, {OWNER}", asked=",".join(ASKED)))
    run(f"GRANT USAGE ON SCHEMA {schema} TO {MEMBER}, {OWNER}")
    run(f"GRANT SELECT ON ledger_version TO {MEMBER}, {OWNER}")
    # To take turns, accounts are locked, which asks for the right to an update that the trigger then refuses.
    run(f"GRANT UPDATE (id) ON account TO {MEMBER}, {OWNER}")
    _allow(connection, "account", "asksage_lock", f"FOR UPDATE TO {MEMBER} USING ({SEES['account']})")


def is_owners(connection: Connection) -> bool:
    """Whether the login sees and changes all members, and not only what is its own."""
    is_all = f"CASE WHEN row_security_active('member') THEN pg_has_role('{OWNER}', 'MEMBER') ELSE TRUE END"
    return bool(connection.exec_driver_sql(f"SELECT {is_all}").scalar_one())


def let_in(connection: Connection, role: str, holder: Account) -> bool:
    """Let the login `role` act for a member; it is made without a password. False when it may already.

    Raises
    ------
    BadInput
        It cannot be a role's name.
    LedgerConflict
        It acts for somebody else.
    """
    if not 0 < len(role.encode()) <= _LONGEST_ROLE or "\0" in role:
        raise BadInput(f"{role!r} cannot be the name of a login: give another with --login.")
    asked = {"role": role, "host": holder.host, "holder": holder.holder}
    there = connection.execute(text("SELECT host, holder FROM login WHERE role = :role"), asked).one_or_none()
    if there is not None:
        if tuple(there) != (holder.host, holder.holder):
            raise LedgerConflict(f"the login {role} acts for {there.holder}: give another with --login.")
        return False
    name = _quoted(connection, role)
    if not connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), asked):
        connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN")
    connection.exec_driver_sql(f"GRANT {MEMBER} TO {name}")
    connection.execute(text("INSERT INTO login (role, host, holder) VALUES (:role, :host, :holder)"), asked)
    return True


def are_installed(connection: Connection) -> bool:
    """Whether the database enforces who sees what."""
    return connection.scalar(text("SELECT to_regclass('login')")) is not None


def not_in_force(connection: Connection) -> list[str]:
    """What of the rules somebody took away or switched off, such as for a restore; one line a table."""
    if not are_installed(connection):
        return []
    wanted = [
        (table, name) for table in _TABLES for name in (_SECURITY, "asksage_append_only", "asksage_owner")
    ]
    wanted += [(table, "asksage_is_whole") for table in TABLES]
    wanted += [(table, "asksage_sees") for table in SEES] + [(table, "asksage_adds") for table in ADDS]
    wanted += [("entry", "asksage_follows"), ("account", "asksage_lock")]
    there = {tuple(row) for row in connection.exec_driver_sql(_IN_FORCE)}
    missing = [rule for rule in wanted if rule not in there]
    off = {table: ", ".join(name for of, name in missing if of == table) for table, _ in missing}
    return [
        f"the rules of {table} are not all in force ({names}): its owner runs  asksage-jupyter team init"
        for table, names in off.items()
    ]


def _guard(connection: Connection, table: str) -> None:
    run = connection.exec_driver_sql
    run(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    run(f"DROP TRIGGER IF EXISTS asksage_append_only ON {table}")
    run(
        f"CREATE TRIGGER asksage_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION asksage_refuse()"
    )
    run(f"GRANT SELECT, INSERT ON {table} TO {OWNER}")
    _allow(connection, table, "asksage_owner", f"TO {OWNER} USING (TRUE) WITH CHECK (TRUE)")
    if sees := SEES.get(table):
        run(f"GRANT SELECT ON {table} TO {MEMBER}")
        _allow(connection, table, "asksage_sees", f"FOR SELECT TO {MEMBER} USING ({sees})")
    if adds := ADDS.get(table):
        run(f"REVOKE INSERT ON {table} FROM {MEMBER}")  # of before, of all columns
        run(f"GRANT INSERT {COLUMNS.get(table, '')} ON {table} TO {MEMBER}")
        _allow(connection, table, "asksage_adds", f"FOR INSERT TO {MEMBER} WITH CHECK ({adds})")


def _allow(connection: Connection, table: str, name: str, rule: str) -> None:
    connection.exec_driver_sql(f"DROP POLICY IF EXISTS {name} ON {table}")
    connection.exec_driver_sql(f"CREATE POLICY {name} ON {table} {rule}")


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)
