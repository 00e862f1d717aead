"""The replies that are kept on this machine, and how they are taken away."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence

from ..display.plain import many
from ..errors import BadInput
from ..prompting import option
from ..session import current
from .command import Command, Told

_DAY = 86_400 * 1_000_000
_NONE = "No reply is kept yet: those of maps are, and those of cells with --replay"
_DAYS = re.compile(r"(\d{1,5})d?")


def _days(value: str) -> int:
    found = _DAYS.fullmatch(value)
    if found is None:
        raise argparse.ArgumentTypeError(f"{value!r} is no number of days: write one like 30d")
    return int(found[1])


def _replay(words: Sequence[str], older: int | None) -> Iterator[object]:
    from ..session.keeping.store import open_replies

    if words not in ([], ["clear"]) or (older is not None and not words):
        raise BadInput(f"write %asksage {REPLAY.usage}")
    session = current()
    replies = open_replies(session)
    try:
        if words:
            before = None if older is None else session.clock() - older * _DAY
            cleared = replies.clear(before=before)
            told = (
                f"{many(cleared, 'reply was', 'replies were')} taken away; their rows would be asked again."
            )
            yield Told(told if cleared else "There was no reply to take away.", cleared=cleared)
        else:
            days = session.settings.keep_replies_days
            kept, saved = replies.kept, replies.saved
            each = f"{many(kept, 'reply is kept', 'replies are kept')}, {days} days each" if kept else _NONE
            told = f"{each}; showing some again saved {saved:,} tokens" if saved else each
            away = ". %asksage replay clear takes them away." if kept else "."
            yield Told(f"{told}{away}", kept=kept, days=days, saved=saved)
    finally:
        replies.close()


REPLAY = Command(
    "replay",
    "[clear [--older 30d]]",
    "how many replies are kept here, and what they saved; clear takes them away",
    _replay,
    options=(option("--older", type=_days, metavar="DAYS", help="only those older than so many days"),),
    words=1,
)
