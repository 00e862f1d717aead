"""The numbered steps that make the tables of `schema`, and change them in ledgers that are there.

Step n takes a ledger of version n to version n + 1. A released step is never edited: it is what was written
into people's ledgers, whatever the tables are by now.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

Step = Callable[[Connection], None]


def running(*statements: str) -> Step:
    def step(connection: Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    return step


_TABLES = (
    """
    CREATE TABLE account (
        id INTEGER NOT NULL,
        host TEXT NOT NULL,
        holder TEXT NOT NULL,
        meter TEXT NOT NULL,
        zone TEXT NOT NULL,
        PRIMARY KEY (id),
        UNIQUE (host, holder, meter),
        CONSTRAINT a_known_meter CHECK (meter IN ('inference', 'training'))
    )
    """,
    """
    CREATE TABLE plan (
        account_id INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        since TEXT NOT NULL,
        monthly INTEGER NOT NULL,
        source TEXT NOT NULL,
        PRIMARY KEY (account_id, seq),
        CONSTRAINT a_plan_gives CHECK (monthly >= 0),
        FOREIGN KEY(account_id) REFERENCES account (id)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE grant_ (
        id INTEGER NOT NULL,
        account_id INTEGER NOT NULL,
        source TEXT NOT NULL,
        starts INTEGER NOT NULL,
        ends INTEGER NOT NULL,
        PRIMARY KEY (id),
        UNIQUE (account_id, source),
        CONSTRAINT a_grant_lasts CHECK (starts < ends),
        FOREIGN KEY(account_id) REFERENCES account (id)
    )
    """,
    """
    CREATE INDEX grant_by_end ON grant_ (account_id, ends)
    """,
    """
    CREATE TABLE call (
        op TEXT NOT NULL,
        account_id INTEGER NOT NULL,
        sent_at INTEGER NOT NULL,
        model TEXT NOT NULL,
        estimate INTEGER NOT NULL,
        notebook TEXT,
        cell TEXT,
        project TEXT,
        user TEXT,
        PRIMARY KEY (op),
        CONSTRAINT an_estimate_costs CHECK (estimate >= 0),
        FOREIGN KEY(account_id) REFERENCES account (id)
    ) WITHOUT ROWID
    """,
    """
    CREATE INDEX call_by_time ON call (account_id, sent_at)
    """,
    """
    CREATE TABLE entry (
        grant_id INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        op TEXT NOT NULL,
        kind TEXT NOT NULL,
        tokens INTEGER NOT NULL,
        granted INTEGER NOT NULL,
        held INTEGER NOT NULL,
        used INTEGER NOT NULL,
        t INTEGER NOT NULL,
        due INTEGER,
        hash BLOB NOT NULL,
        PRIMARY KEY (grant_id, seq),
        UNIQUE (op, kind, grant_id),
        CONSTRAINT counts_from_one CHECK (seq > 0),
        CONSTRAINT a_known_kind CHECK (kind IN ('grant', 'hold', 'settle', 'presume', 'correct')),
        CONSTRAINT no_overspending CHECK (kind <> 'hold' OR used + held <= granted),
        CONSTRAINT a_hold_holds CHECK (kind NOT IN ('hold', 'presume') OR tokens > 0),
        CONSTRAINT only_a_hold_is_due CHECK ((kind = 'hold') = (due IS NOT NULL)),
        CONSTRAINT granted_is_no_debt CHECK (granted >= 0),
        CONSTRAINT released_once CHECK (held >= 0),
        CONSTRAINT a_whole_hash CHECK (length(hash) = 32),
        FOREIGN KEY(grant_id) REFERENCES grant_ (id)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE bill (
        grant_id INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        op TEXT NOT NULL,
        t INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        source TEXT NOT NULL,
        status TEXT NOT NULL,
        input_tokens INTEGER,
        output_tokens INTEGER,
        duration_ms INTEGER,
        request_id TEXT,
        model TEXT,
        PRIMARY KEY (grant_id, seq),
        FOREIGN KEY(grant_id, seq) REFERENCES entry (grant_id, seq),
        CONSTRAINT a_bill_costs CHECK (tokens >= 0),
        FOREIGN KEY(op) REFERENCES call (op)
    ) WITHOUT ROWID
    """,
    """
    CREATE INDEX ix_bill_op ON bill (op)
    """,
)

# Presumes are few among many entries, and looked for after every use.
_PRESUMES = "CREATE INDEX IF NOT EXISTS entry_presumed ON entry (kind, grant_id, op) WHERE kind = 'presume'"

# Corrections are few as well, and summed for each month's figures.
_CORRECTIONS = (
    "CREATE INDEX IF NOT EXISTS entry_corrected ON entry (kind, grant_id, tokens) WHERE kind = 'correct'"
)

_MEMBERS = (
    """
    CREATE TABLE member (
        account_id INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        pool_id INTEGER,
        cap INTEGER,
        t INTEGER NOT NULL,
        PRIMARY KEY (account_id, seq),
        CONSTRAINT a_cap_allows CHECK (cap >= 0),
        CONSTRAINT a_cap_is_within_a_pool CHECK (cap IS NULL OR pool_id IS NOT NULL),
        CONSTRAINT a_pool_is_of_others CHECK (pool_id <> account_id),
        FOREIGN KEY(account_id) REFERENCES account (id),
        FOREIGN KEY(pool_id) REFERENCES account (id)
    ) WITHOUT ROWID
    """,
    """
    CREATE INDEX member_by_pool ON member (pool_id)
    """,
)

_TAGS = tuple(f"ALTER TABLE call ADD COLUMN {name} TEXT" for name in ("job", "tags", "client"))

# Those that do nothing are PostgreSQL's alone: both count the same versions.
STEPS: tuple[Step, ...] = (
    running(*_TABLES),
    running(_PRESUMES),
    running(*_MEMBERS),
    running(),
    running(),
    running(),
    running(*_TAGS),
    running(),
    running(),
    running(),
    running(_CORRECTIONS),
    running(),
)

# What stands in for later steps in an older ledger that is only read: by version, from which it needs none.
STAND_INS = {
    3: "CREATE TEMP TABLE IF NOT EXISTS member (account_id, seq, pool_id, cap, t)",
    7: "CREATE TEMP VIEW IF NOT EXISTS call AS "
    "SELECT *, NULL AS job, NULL AS tags, NULL AS client FROM main.call",
}
