"""A member at the database's own command line: whatever PostgreSQL lets their login write, they may write.

What they write follows from what is there, with true sums and hashes, unless the test says otherwise: nothing
is refused for a slip.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import make_url

from asksage_jupyter.account import Account
from asksage_jupyter.ledger import new_op
from asksage_jupyter.ledger.tables.chain import digest, totals
from asksage_jupyter.month import now

FORBIDDEN = (psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation)
HOUR = 3_600_000_000
_TAIL = """
SELECT seq, granted, held, used, t, hash FROM entry WHERE grant_id = %s ORDER BY seq DESC LIMIT 1
"""
_NEWEST = """
SELECT grant_.id FROM grant_ JOIN account ON account.id = account_id
WHERE holder = %s AND meter = 'inference' AND source LIKE %s ORDER BY ends DESC LIMIT 1
"""


def connected(database: str, user: str | None = None) -> psycopg.Connection[Any]:
    """A plain connection to the database, as its owner or as another login."""
    url = make_url(database)
    return psycopg.connect(
        host=url.query["host"], user=user or url.username, dbname=url.database, autocommit=True
    )


@dataclass
class Writer:
    """Writes rows by hand.

    Attributes
    ----------
    connection : psycopg.Connection
        The login's.
    owner : psycopg.Connection
        Sees all: what a member cannot see, they may have been told.
    """

    connection: psycopg.Connection[Any]
    owner: psycopg.Connection[Any]

    def run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        cursor = self.connection.execute(sql, values or None)
        return cursor.fetchall() if cursor.description else []

    def move(self) -> Any:
        """All that is written within it is one transaction."""
        return self.connection.transaction()

    def account(self, holder: str, meter: str = "inference") -> int:
        return self._id("SELECT id FROM account WHERE holder = %s AND meter = %s", holder, meter)

    def grant(self, holder: str, source: str = "allotment:%") -> int:
        return self._id(_NEWEST, holder, source)

    def tail(self, grant_id: int) -> tuple[int, int, int, int, int, bytes]:
        return self._found(_TAIL, grant_id) or (0, 0, 0, 0, 0, b"")

    def _id(self, sql: str, *values: object) -> int:
        found = self._found(sql, *values)
        assert found is not None
        return int(found[0])

    def _found(self, sql: str, *values: object) -> Any:
        """A row, looked for among what the member sees, and then by the owner."""
        return next(
            filter(None, (each.execute(sql, values).fetchone() for each in (self.connection, self.owner))),
            None,
        )

    def call(self, holder: str, estimate: int, op: str | None = None) -> tuple[str, tuple[Any, ...]]:
        """Write a call; its op, and what a hold of it binds."""
        op, about = op or new_op(), (now(), "a-model", estimate, None, None, None, holder)
        self.run(
            "INSERT INTO call VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)", op, self.account(holder), *about
        )
        return op, about

    def entry(
        self,
        grant_id: int,
        op: str,
        kind: str,
        tokens: int,
        *,
        released: int = 0,
        about: Any = (),
        **forged: Any,
    ) -> tuple[int, int]:
        """Write the chain's next entry; `forged` columns differ from what they should be."""
        seq, granted, held, used, t, ahead = self.tail(grant_id)
        sums = totals(granted, held, used, kind, tokens, released)
        row = {
            "seq": seq + 1, "op": op, "kind": kind, "tokens": tokens, "granted": sums[0], "held": sums[1],
            "used": sums[2], "t": max(now(), t), "due": now() + HOUR if kind == "hold" else None,
        } | {name: value for name, value in forged.items() if name != "hash"}  # fmt: skip
        hashed = forged.get("hash") or digest(ahead, (grant_id, *row.values()), about)
        places = ", ".join(["%s"] * 11)
        self.run(f"INSERT INTO entry VALUES ({places})", grant_id, *row.values(), hashed)
        return grant_id, row["seq"]

    def bill(self, at: tuple[int, int], op: str, tokens: int) -> None:
        t = self.run("SELECT t FROM entry WHERE (grant_id, seq) = (%s, %s)", *at)[0][0]
        places = ", ".join(["%s"] * 12)
        self.run(f"INSERT INTO bill VALUES ({places})", *at, op, t, *about_bill(tokens))

    def hold(
        self, holder: str, pool: str | None, tokens: int, *, in_pool: int | None = None, **forged: Any
    ) -> str:
        """Hold a call on the member's chain, and `in_pool` tokens on the pool's; as much, if not told."""
        op, about = self.call(holder, tokens)
        due = forged.pop("due", now() + HOUR)
        self.entry(self.grant(holder), op, "hold", tokens, about=about, due=due, **forged)
        if pool is not None:
            there = tokens if in_pool is None else in_pool
            self.entry(self.grant(pool), op, "hold", there, due=due, **forged)
        return op

    def settle(
        self, holder: str, pool: str | None, op: str, held: int, tokens: int, *, in_pool: int | None = None,
        kind: str = "settle", billed: int | None = None,
    ) -> None:  # fmt: skip
        """Settle or presume a held call, with its bill."""
        billed = tokens if billed is None else billed
        at = self.entry(
            self.grant(holder), op, kind, tokens, released=held, about=about_bill(billed) if billed else ()
        )
        if billed:
            self.bill(at, op, billed)
        if pool is not None:
            there = tokens if in_pool is None else in_pool
            self.entry(self.grant(pool), op, kind, there, released=held)


def about_bill(tokens: int) -> tuple[Any, ...]:
    return (tokens, "billed", "ok", None, None, None, None, None)


@contextmanager
def writer(database: str, login: str | None = None) -> Iterator[Writer]:
    with connected(database, login) as connection, connected(database) as owner:
        yield Writer(connection, owner)


def login_of(database: str, account: Account) -> str:
    return f"{account.holder[:3]}_{make_url(database).database}"
