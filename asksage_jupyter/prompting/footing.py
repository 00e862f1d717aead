"""How a notebook stands while a prompt is written in it: what bounds it, and which model answers."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from ..errors import BadInput
from ..session.holding.bounds import Bound


@dataclass(frozen=True, slots=True)
class Footing:
    """How a notebook stands, as far as somebody knows it: its kernel, or files and the ledger.

    Attributes
    ----------
    bounds : tuple of Bound
        What an inference call must fit; the least first.
    model : str
        Which answers where a cell names none; empty where nobody knows.
    trouble : str
        Why nothing would be sent: a limit that cannot be read.
    """

    bounds: tuple[Bound, ...] = ()
    model: str = ""
    trouble: str = ""

    def over(self, other: Footing) -> Footing:
        """The same, with what another knows beside it."""
        bounds = sorted((*self.bounds, *other.bounds), key=attrgetter("left"))
        return Footing(tuple(bounds), self.model or other.model, self.trouble or other.trouble)

    def plain(self) -> dict[str, Any]:
        """What a kernel knows, as it goes over a wire."""
        return {"bounds": [each._asdict() for each in self.bounds], "model": self.model}

    @classmethod
    def read(cls, plain: Any) -> Footing:
        """What came over a wire.

        Raises
        ------
        BadInput
            No kernel told it.
        """
        try:
            return cls(tuple(map(_bound, plain["bounds"])), str(plain["model"]))
        except (KeyError, TypeError, ValueError):
            raise BadInput("tell in footing how a kernel stands, as it was told") from None


def _bound(plain: Any) -> Bound:
    tokens, left = plain["tokens"], plain["left"]
    if type(tokens) is not int or type(left) is not int:
        raise ValueError(plain)
    return Bound(str(plain["words"]), tokens, left, str(plain["told_by"]), plain["is_soft"] is True)
