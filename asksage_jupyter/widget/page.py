"""What a panel shows, as HTML in the theme's own colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..account import unbilled_words
from ..account.card import meters
from ..display.markup import QUIET, card, line, notice
from . import words

if TYPE_CHECKING:
    from markupsafe import Markup

    from .words import Shown


def html(shown: Shown, *, live: bool) -> Markup:
    """All of it as one card; with ages and days left only where it is `live`, as they would grow old."""
    balance, now = shown.balance, shown.now if live else None
    body: list[object] = [notice(words.notice(shown), alert=True)]
    aside, foot = "", []
    if balance is not None and (words.is_known(shown) or not shown.trouble):
        aside = balance.resets_words(now)
        body.append(meters(balance.meters, balance.account.zone, shown.paces))
        # Where figures come from is for who asks.
        changed = line(balance.changed_words(now), QUIET, balance.sources)
        foot = [unbilled_words(*shown.opened), *words.endpoints(shown), words.last_call(shown, now), changed]
    return card(words.title(shown), *body, aside=aside, foot=foot, label="Token meter")
