"""What a member may see and add, and what an entry must be, in PostgreSQL's own words; `roles` enforces it.

For everybody, an entry follows from the one before it: sequence, totals, time and hash. For a member's login
each kind has its rules besides, and a move must be whole at its commit: the pool's chain tells what the
member's own does, of the same op and kind; every call has its hold, and every bill its entry.
"""

from __future__ import annotations

from .following import FOLLOWS, REFUSE
from .hashed import HASHED
from .members import OF_MEMBERS
from .seeing import ADDS, ASKED, COLUMNS, LOGIN, SEES, WHO
from .whole import TABLES, WHOLE

__all__ = ["ADDS", "ASKED", "CHECKS", "COLUMNS", "LOGIN", "SEES", "TRIGGERS", "WHO"]

CHECKS = (*HASHED, *OF_MEMBERS, *WHOLE, FOLLOWS, REFUSE)
TRIGGERS = (
    "DROP TRIGGER IF EXISTS asksage_follows ON entry",
    "CREATE TRIGGER asksage_follows BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION asksage_follows()",
    *(
        statement
        for table in TABLES
        for statement in (
            f"DROP TRIGGER IF EXISTS asksage_is_whole ON {table}",
            f"CREATE CONSTRAINT TRIGGER asksage_is_whole AFTER INSERT ON {table} "
            f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION asksage_is_whole('{table}')",
        )
    ),
)
