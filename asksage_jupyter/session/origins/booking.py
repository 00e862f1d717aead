"""What calls are booked under: a project, billing codes, a job, the program that asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ...account import tags as codes
from .. import given
from . import pyproject

if TYPE_CHECKING:
    from ...settings import AskSage


@dataclass(frozen=True, slots=True)
class Booking:
    """What a block of code says of its calls; None where it says nothing.

    Attributes
    ----------
    project : str or None
    tags : mapping of str to str
        Billing codes by name.
    job : str or None
        Name of the job over many rows.
    client : str or None
        The program that asked.
    """

    project: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    job: str | None = None
    client: str | None = None

    def columns(self, settings: AskSage) -> dict[str, Any]:
        """As a `Call` has them: the block's over the settings', and these over the project's file.

        Raises
        ------
        ConfigurationError, BadInput
            ``[tool.asksage.tags]`` cannot be read, or holds what is no code.
        """
        found, path = pyproject.table("tags")
        tags = codes.checked(found, f"[tool.asksage.tags] of {path}") | settings.tags | dict(self.tags)
        return {
            "project": self.project or settings.project or None,
            "tags": codes.text_of(codes.checked(tags)),
            "job": self.job,
            "client": self.client,
        }


_now: ContextVar[Booking] = ContextVar("asksage_booking", default=Booking())  # noqa: B039  it is frozen


def present() -> Booking:
    """What calls are booked under here and now."""
    return _now.get()


@contextmanager
def booked(
    project: str | None = None,
    tags: Mapping[str, str] | None = None,
    *,
    job: str | None = None,
    client: str | None = None,
) -> Iterator[None]:
    """Book the calls of a block under a project or billing codes.

    ::

        with asksage_jupyter.booked(project="apollo", tags={"wbs": "1234.5"}):
            asksage_jupyter.ask("...")

    What a block does not say holds as outside of it: that of a block around it, else the settings', else
    that of ``[tool.asksage.tags]`` in the project's ``pyproject.toml``.

    Parameters
    ----------
    project : str, optional
    tags : mapping of str to str, optional
        Billing codes by name, in addition to those that hold outside.
    job, client : str, optional
        The job over many rows, and the program, that the calls belong to.

    Raises
    ------
    BadInput
        A name or a code that is none.
    """
    outside = present()
    said = {"project": project, "job": job, "client": client}
    named = {name: given.text(value, name) for name, value in said.items() if value is not None}
    wanted = replace(outside, **named, tags={**outside.tags, **codes.checked({} if tags is None else tags)})
    token = _now.set(wanted)
    try:
        yield
    finally:
        _now.reset(token)
