"""A team's pool: who is in it, what each may use, and what each did."""

from .desk import Added, Team
from .figures import MemberRow
from .importing import Change, planned
from .report import TeamReport

__all__ = ["Added", "Change", "MemberRow", "Team", "TeamReport", "planned"]
