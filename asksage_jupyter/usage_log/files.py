"""The usage log as a file that tells its units."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..display.plain import no_formula
from ..errors import ConfigurationError
from ..files import writing
from .schema import CATEGORY, FIGURE, HOLDER, INSTANT, SCHEMA, TEXT, Column

if TYPE_CHECKING:
    import pandas

_KNOWN = {column.name: column for column in (*SCHEMA, HOLDER)}
_CSVW = {CATEGORY: "string", TEXT: "string", FIGURE: "integer", INSTANT: "dateTime"}


def write_parquet(calls: pandas.DataFrame, path: Path) -> None:
    """Write Parquet, with each column's unit and meaning in its metadata."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise ConfigurationError("Parquet needs PyArrow: pip install 'asksage_jupyter[analysis]'") from None
    table = pyarrow.Table.from_pandas(calls, preserve_index=False)
    told = [_told(field.name) for field in table.schema]
    fields = [field.with_metadata(about) for field, about in zip(table.schema, told, strict=True)]
    table = table.cast(pyarrow.schema(fields, metadata=table.schema.metadata))
    with writing(path):
        pyarrow.parquet.write_table(table, path, compression="zstd")


def write_csv(calls: pandas.DataFrame, path: Path) -> None:
    """Write CSV, and its metadata beside it."""
    about = {
        "@context": "http://www.w3.org/ns/csvw",
        "url": path.name,
        "tableSchema": {"columns": [_csvw(str(name)) for name in calls.columns]},
    }
    with writing(path):
        _without_formulas(calls).to_csv(path, index=False)
        path.with_name(f"{path.name}-metadata.json").write_text(json.dumps(about, indent=1), encoding="utf-8")


def write_focus(charges: pandas.DataFrame, path: Path) -> None:
    """Write charges as FOCUS has them in CSV, where what is null is empty."""
    with writing(path):
        _without_formulas(charges).to_csv(path, index=False, date_format="%Y-%m-%dT%H:%M:%SZ")


def _without_formulas(table: pandas.DataFrame) -> pandas.DataFrame:
    """The table with all names as a spreadsheet shows them: they may be somebody else's."""
    changed: dict[str, Any] = {}
    for name, column in table.items():
        if column.dtype.kind in "OUS":  # texts and categories
            texts = {text: no_formula(text) for text in column.unique() if isinstance(text, str)}
            if any(text != shown for text, shown in texts.items()):
                changed[str(name)] = column.astype(object).map(texts, na_action="ignore")
    return table.assign(**changed)


def _told(name: str) -> dict[str, str]:
    column = _KNOWN.get(name)
    return {} if column is None else _about(column)


def _csvw(name: str) -> dict[str, str]:
    column = _KNOWN.get(name)
    if column is None:
        return {"name": name}
    about = _about(column)
    described = {"name": name, "datatype": _CSVW[column.dtype], "dc:description": about["meaning"]}
    return described | ({"schema:unitText": about["unit"]} if "unit" in about else {})


def _about(column: Column) -> dict[str, str]:
    return {"meaning": column.meaning} | ({"unit": column.unit} if column.unit else {})
