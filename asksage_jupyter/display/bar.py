"""The bar of a limit, with a legend that says in words what its colours mean."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

# Each kind has words beside it and a pattern of its own, so that none is known by its colour alone; the
# sidebar's style sheet has the same. The second value of each var() is for pages without a theme: a static
# export, a notebook on GitHub. Where the system forces its colours, these stay: an outline tells nothing.
_TRACK = "var(--jp-layout-color1,#fff)"
_EDGE = "var(--jp-ui-font-color2,#616161)"
_USED = "var(--jp-brand-color1,#1976d2)"
_OVER = "var(--jp-error-color1,#d32f2f)"
_FILLS = {
    "used": _USED,
    "held": f"repeating-linear-gradient(135deg,{_USED} 0 2px,{_TRACK} 2px 5px)",
    "others": f"radial-gradient({_EDGE} 1px,{_TRACK} 1.4px) 0 0/4px 4px",
    "over": f"repeating-linear-gradient(90deg,{_OVER} 0 4px,{_TRACK} 4px 6px)",
}
_BOX = f"box-sizing:border-box;border:1px solid {_EDGE};forced-color-adjust:none"
_BAR = f"{_BOX};display:flex;height:10px;margin:.3em 0;border-radius:2px;overflow:hidden;background:{_TRACK}"
_LEGEND = "display:flex;flex-wrap:wrap;column-gap:1.2em;color:var(--jp-ui-font-color2,#616161)"
_SWATCH = f"{_BOX};display:inline-block;width:.8em;height:.8em;margin-right:.4em;border-radius:2px"


def bar(parts: Sequence[tuple[str, float, str]], label: str, told: str) -> str:
    """The bar and its legend, as HTML.

    Parameters
    ----------
    parts : sequence of (str, float, str)
        Its kind (``"used"``, ``"held"``, ``"others"``, ``"over"``), its share of the whole, and its words.
    label, told : str
        What it is of, and what it shows, for those who do not see it.
    """
    filled = "".join(
        f'<div style="width:{100 * share:.2f}%;min-width:3px;background:{_FILLS[kind]}"></div>'
        for kind, share, _ in parts
        if share
    )
    taken = min(100, round(100 * sum(share for _, share, _ in parts)))
    legend = "".join(
        f'<span><span aria-hidden="true" style="{_SWATCH};background:{_FILLS[kind]}"></span>'
        f"{escape(words)}</span>"
        for kind, _, words in parts
    )
    return (
        f'<div role="progressbar" aria-label="{escape(label)}" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{taken}" aria-valuetext="{escape(told)}" style="{_BAR}">{filled}</div>'
        f'<div style="{_LEGEND}">{legend}</div>'
    )


def pill(words: str, *, is_grave: bool) -> str:
    """A word that is to be noticed, as HTML; empty where there is none."""
    if not words:
        return ""
    colour = _OVER if is_grave else "var(--jp-warn-color1,#f57c00)"
    return f'<span style="padding:0 .5em;border:2px solid {colour};border-radius:1em">{escape(words)}</span>'
