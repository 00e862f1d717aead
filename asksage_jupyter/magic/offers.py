"""The models a person may use, as a table."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from ..display.plain import plain

if TYPE_CHECKING:
    from ..service import ModelInfo

_HEAD = ("model", "vendor", "CUI", "catalog rate, prompt / reply", "notice")
_CUI = {True: "yes", False: "no", None: "not told"}


@dataclass(frozen=True, slots=True)
class Offers:
    """The models that were asked for.

    Attributes
    ----------
    models : tuple of ModelInfo
    of : int
        How many models the service offers in all.
    """

    models: tuple[ModelInfo, ...]
    of: int

    def __str__(self) -> str:
        rows = [_HEAD, *(_row(model) for model in self.models)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
        lines = [
            "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows
        ]
        return "\n".join([*(line.rstrip() for line in lines), "", self._footnote()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col" style="text-align:left">{escape(cell)}</th>' for cell in _HEAD)
        rows = "".join(
            "<tr>"
            + "".join(f'<td style="text-align:left">{escape(cell)}</td>' for cell in _row(model))
            + "</tr>"
            for model in self.models
        )
        return (
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
            f'<div style="opacity:.7;font-size:smaller">{escape(self._footnote())}</div>'
        )

    def _footnote(self) -> str:
        return (
            f"{len(self.models)} of {self.of} models. Rates are Ask Sage tokens a model token as the catalog "
            "lists them, not as they are billed: %asksage estimate MODEL TEXT tells the price. Only a model "
            "with CUI yes may see Controlled Unclassified Information."
        )


def _row(model: ModelInfo) -> tuple[str, ...]:
    rates = (model.prompt_rate, model.completion_rate)
    rate = " / ".join("not told" if value is None else f"{value:g}" for value in rates)
    return (
        plain(model.id),
        plain(model.vendor or ""),
        _CUI[model.cui_capable],
        "not told" if rates == (None, None) else rate,
        plain(model.deprecated or ""),
    )
