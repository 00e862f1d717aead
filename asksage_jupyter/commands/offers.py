"""The models a person may use, as a table."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ..display.plain import many
from ..display.table import Table, Tabular

if TYPE_CHECKING:
    import pandas

    from ..service import ModelInfo

_HEAD = ("model", "vendor", "CUI", "catalog rate, prompt / reply", "notice")
_CUI = {True: "yes", False: "no", None: "not told"}


@dataclass(frozen=True, slots=True, repr=False)
class Offers(Tabular):
    """The models that were asked for.

    Attributes
    ----------
    models : tuple of ModelInfo
    of : int
        How many models the service offers in all.
    """

    models: tuple[ModelInfo, ...]
    of: int

    @property
    def table(self) -> Table:
        """As it is shown, the cheapest first."""
        rows = [_row(model) for model in sorted(self.models, key=_price)]
        shown = len(_HEAD) if any(row[-1] for row in rows) else len(_HEAD) - 1  # notices are rare
        return Table(
            _HEAD[:shown],
            [row[:shown] for row in rows],
            sides="l",
            note=self._footnote(),
        )

    def to_frame(self) -> pandas.DataFrame:
        """The models as a DataFrame, a row each."""
        import pandas

        return pandas.DataFrame([asdict(model) for model in self.models])

    def _footnote(self) -> str:
        return (
            f"{len(self.models)} of {many(self.of, 'model')}. Rates are Ask Sage tokens a model token as the "
            "catalog lists them, not as they are billed: %asksage estimate MODEL TEXT tells the price. Only "
            "a model with CUI yes may see Controlled Unclassified Information."
        )


def _price(model: ModelInfo) -> float:
    """What the cheapest comes first by; those that tell no rate are last."""
    rates = (model.prompt_rate, model.completion_rate)
    return sum(rate for rate in rates if rate is not None) if rates != (None, None) else math.inf


def _row(model: ModelInfo) -> tuple[str, ...]:
    rates = (model.prompt_rate, model.completion_rate)
    rate = " / ".join("not told" if value is None else f"{value:.3g}" for value in rates)
    return (
        model.id,
        model.vendor or "",
        _CUI[model.cui_capable],
        "not told" if rates == (None, None) else rate,
        model.deprecated or "",
    )
