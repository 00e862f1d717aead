"""What the cells of a usage log are called, where a person reads of them."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import pandas

from ..display.plain import one_line
from ..session.origins.labels import cell_label

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHOWN = 100  # the dearest; of the others nobody reads


def cell_names(calls: pandas.DataFrame, folder: Path) -> Mapping[str, str]:
    """The names of the dearest cells by their ids, behind their notebook's where there are several.

    Parameters
    ----------
    calls : pandas.DataFrame
        With the columns of a usage log.
    folder : Path
        The ledger's.
    """
    told = calls[["cell", "notebook", "tokens"]]
    dearest = told.groupby("cell", observed=True)["tokens"].sum().astype("int64").nlargest(_SHOWN).index
    homes = told[told["cell"].isin(dearest)].astype(object).groupby("cell")["notebook"].last()
    are_many = homes.nunique(dropna=False) > 1
    names = {}
    for cell, notebook in homes.items():
        known = None if pandas.isna(notebook) else str(notebook)
        lead = f"{one_line(PurePath(known).name)} › " if known and are_many else ""
        names[str(cell)] = lead + cell_label(folder, known, str(cell))
    return names
