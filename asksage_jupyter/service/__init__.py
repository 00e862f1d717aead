"""Ask Sage's wire. The service's own words ("teach", "message", "usage") stop here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .records import Answer, Job, Limits, LogRow, OrganizationUser, Query, TokenRequest, Trained
from .replies.catalog import ModelInfo, Persona, Plugin
from .secret import Secret
from .way.address import base_url, is_loopback

if TYPE_CHECKING:
    from .client import Service

__all__ = [
    "Answer",
    "Job",
    "Limits",
    "LogRow",
    "ModelInfo",
    "OrganizationUser",
    "Persona",
    "Plugin",
    "Query",
    "Secret",
    "Service",
    "TokenRequest",
    "Trained",
    "base_url",
    "is_loopback",
]


def __getattr__(name: str) -> Any:
    # httpx takes longer to import than everything else here together: only who connects pays for it.
    if name == "Service":
        from .client import Service

        return Service
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
