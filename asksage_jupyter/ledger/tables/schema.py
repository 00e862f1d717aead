"""The tables, the same for every database; `steps` makes them in SQLite."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)

metadata = MetaData()
_int64 = BigInteger().with_variant(Integer(), "sqlite")

account = Table(
    "account",
    metadata,
    Column("id", _int64, primary_key=True),
    Column("host", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("meter", Text, nullable=False),
    # The zone of first contact stays: two zones would give one month two allotments.
    Column("zone", Text, nullable=False),
    UniqueConstraint("host", "holder", "meter"),
    CheckConstraint("meter IN ('inference', 'training')", name="a_known_meter"),
)

plan = Table(
    "plan",
    metadata,
    Column("account_id", _int64, ForeignKey("account.id"), primary_key=True),
    Column("seq", _int64, primary_key=True),
    Column("since", Text, nullable=False),
    Column("monthly", _int64, nullable=False),
    Column("source", Text, nullable=False),
    CheckConstraint("monthly >= 0", name="a_plan_gives"),
    sqlite_with_rowid=False,
)

# Who spends from which pool; the latest row counts, and one without a pool is a leaving.
member = Table(
    "member",
    metadata,
    Column("account_id", _int64, ForeignKey("account.id"), primary_key=True),
    Column("seq", _int64, primary_key=True),
    Column("pool_id", _int64, ForeignKey("account.id")),
    # Ask Sage tokens a month; without it only the pool's own limit counts.
    Column("cap", _int64),
    Column("t", _int64, nullable=False),
    CheckConstraint("cap >= 0", name="a_cap_allows"),
    CheckConstraint("cap IS NULL OR pool_id IS NOT NULL", name="a_cap_is_within_a_pool"),
    CheckConstraint("pool_id <> account_id", name="a_pool_is_of_others"),
    Index("member_by_pool", "pool_id"),
    sqlite_with_rowid=False,
)

grant = Table(
    "grant_",
    metadata,
    Column("id", _int64, primary_key=True),
    Column("account_id", _int64, ForeignKey("account.id"), nullable=False),
    Column("source", Text, nullable=False),
    Column("starts", _int64, nullable=False),
    Column("ends", _int64, nullable=False),
    UniqueConstraint("account_id", "source"),
    CheckConstraint("starts < ends", name="a_grant_lasts"),
    Index("grant_by_end", "account_id", "ends"),
)

_IS_PRESUME: ColumnElement[bool] = literal_column("kind = 'presume'", Boolean())

entry = Table(
    "entry",
    metadata,
    Column("grant_id", _int64, ForeignKey("grant_.id"), primary_key=True),
    Column("seq", _int64, primary_key=True),
    Column("op", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("tokens", _int64, nullable=False),
    Column("granted", _int64, nullable=False),
    Column("held", _int64, nullable=False),
    Column("used", _int64, nullable=False),
    Column("t", _int64, nullable=False),
    Column("due", _int64),
    Column("hash", LargeBinary(32), nullable=False),
    UniqueConstraint("op", "kind", "grant_id"),
    CheckConstraint("seq > 0", name="counts_from_one"),
    CheckConstraint("kind IN ('grant', 'hold', 'settle', 'presume', 'correct')", name="a_known_kind"),
    CheckConstraint("kind <> 'hold' OR used + held <= granted", name="no_overspending"),
    CheckConstraint("kind NOT IN ('hold', 'presume') OR tokens > 0", name="a_hold_holds"),
    CheckConstraint("(kind = 'hold') = (due IS NOT NULL)", name="only_a_hold_is_due"),
    CheckConstraint("granted >= 0", name="granted_is_no_debt"),
    CheckConstraint("held >= 0", name="released_once"),
    CheckConstraint("length(hash) = 32", name="a_whole_hash"),
    sqlite_with_rowid=False,
)

# Presumes are few among many entries, and looked for after every use. SQLite takes it as it covers all.
Index(
    "entry_presumed",
    entry.c.kind,
    entry.c.grant_id,
    entry.c.op,
    sqlite_where=_IS_PRESUME,  # as on PostgreSQL, whose dialect SQLAlchemy would load to be told so here
)

# Corrections as well, which a month's figures sum.
Index(
    "entry_corrected",
    entry.c.kind,
    entry.c.grant_id,
    entry.c.tokens,
    sqlite_where=literal_column("kind = 'correct'", Boolean()),
)

# What was asked, written with the hold; its meter is the account's. Never a prompt.
call = Table(
    "call",
    metadata,
    Column("op", Text, primary_key=True),
    Column("account_id", _int64, ForeignKey("account.id"), nullable=False),
    Column("sent_at", _int64, nullable=False),
    Column("model", Text, nullable=False),
    Column("estimate", _int64, nullable=False),
    Column("notebook", Text),
    Column("cell", Text),
    Column("project", Text),
    Column("user", Text),
    # Since version 7, and in the hold's hash only where there is one.
    Column("job", Text),
    Column("tags", Text),
    Column("client", Text),
    CheckConstraint("estimate >= 0", name="an_estimate_costs"),
    Index("call_by_time", "account_id", "sent_at"),
    sqlite_with_rowid=False,
)

# What it came to, written with the presume or the settle: it belongs to that entry, and counts until
# a later settle of the same op on the same grant. Never a reply.
bill = Table(
    "bill",
    metadata,
    Column("grant_id", _int64, primary_key=True),
    Column("seq", _int64, primary_key=True),
    Column("op", Text, ForeignKey("call.op"), nullable=False, index=True),
    Column("t", _int64, nullable=False),
    Column("tokens", _int64, nullable=False),
    Column("source", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("input_tokens", _int64),
    Column("output_tokens", _int64),
    Column("duration_ms", _int64),
    Column("request_id", Text),
    Column("model", Text),
    ForeignKeyConstraint(["grant_id", "seq"], ["entry.grant_id", "entry.seq"]),
    CheckConstraint("tokens >= 0", name="a_bill_costs"),
    sqlite_with_rowid=False,
)

# Written out: bound values in an IN list would be expanded anew at each execution.
OF_A_CALL = entry.c.kind.in_(
    [literal_column("'hold'"), literal_column("'settle'"), literal_column("'presume'")]
)
