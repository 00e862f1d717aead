"""The quiet line of a call, beside the bar of what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..display.bar import inline_bar
from ..display.markup import QUIET, RECEIPT, fill, joined, line, quiet, unbroken
from .gauge import limiting
from .records import Meter

if TYPE_CHECKING:
    from markupsafe import Markup

    from .balance import Balance


def receipt(words: str, found: Balance | None, meter: Meter = Meter.INFERENCE) -> Markup:
    """The quiet line of a call, and the bar of what is left on its meter now."""
    if found is None or found.of(meter).granted is None:
        return quiet(words)
    bar = inline_bar(*((each.kind, each.share) for each in limiting(found.of(meter)).segments))
    return line(joined([fill('<span style="{}">{}</span>', QUIET, unbroken(words)), bar]), RECEIPT)
