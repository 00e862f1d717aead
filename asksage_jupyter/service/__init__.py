"""Ask Sage's wire. The service's own words ("teach", "message", "usage") stop here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazily
from .records import Answer as Answer
from .records import Embedded as Embedded
from .records import Limits as Limits
from .records import LogRow as LogRow
from .records import OrganizationUser as OrganizationUser
from .records import Query as Query
from .records import TokenRequest as TokenRequest
from .records import Trained as Trained
from .records import UploadJob as UploadJob
from .replies.catalog import ModelInfo as ModelInfo
from .replies.catalog import Persona as Persona
from .replies.catalog import Plugin as Plugin
from .secret import Secret as Secret
from .way.address import base_url as base_url
from .way.address import is_loopback as is_loopback

if TYPE_CHECKING:
    from .client import Service as Service
    from .free import FreeService as FreeService

# httpx takes longer to import than everything else here together: only who connects pays for it.
__getattr__, __all__ = lazily(
    __name__,
    {".client": "Service", ".free": "FreeService"},
    "Answer",
    "Embedded",
    "UploadJob",
    "Limits",
    "LogRow",
    "ModelInfo",
    "OrganizationUser",
    "Persona",
    "Plugin",
    "Query",
    "Secret",
    "TokenRequest",
    "Trained",
    "base_url",
    "is_loopback",
)
