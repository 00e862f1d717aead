"""The bar of a limit, with a legend that says in words what its colours mean; and bars that only compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from .markup import QUIET, SOLID, WARNING, fill, joined

# Each kind has words beside it and a pattern of its own, so that none is known by its colour alone; the
# sidebar's style sheet has the same. Where the system forces its colours, these stay: an outline tells
# nothing.
_TRACK = "var(--jp-layout-color1,transparent)"  # of a page without a theme its own, light or dark
_EDGE = "var(--jp-ui-font-color2,#616161)"
_OVER = "var(--jp-error-color1,#d32f2f)"
_FILLS = {
    "used": SOLID,
    "held": f"repeating-linear-gradient(135deg,{SOLID} 0 2px,{_TRACK} 2px 5px)",
    "others": f"radial-gradient({_EDGE} 1px,{_TRACK} 1.4px) 0 0/4px 4px",
    "over": f"repeating-linear-gradient(90deg,{_OVER} 0 4px,{_TRACK} 4px 6px)",
    "likely": "var(--jp-brand-color2,#64b5f6)",
    "empty": "none",
}
_BOX = f"box-sizing:border-box;border:1px solid {_EDGE};forced-color-adjust:none"
_BAR = f"{_BOX};display:flex;margin:.3em 0;border-radius:2px;overflow:hidden;background:{_TRACK}"
_SWATCH = f"{_BOX};display:inline-block;width:.8em;height:.8em;margin-right:.4em;border-radius:2px"


def bar(parts: Sequence[tuple[str, float, str]], label: str, told: str) -> Markup:
    """The bar of a limit and its legend.

    Parameters
    ----------
    parts : sequence of (str, float, str)
        Its kind (``"used"``, ``"held"``, ``"others"``, ``"over"``), its share of the whole, and its words.
    label, told : str
        What it is of, and what it shows, for those who do not see it.
    """
    taken = min(100, round(100 * sum(share for _, share, _ in parts)))
    spoken = {
        "role": "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100,
        "aria-valuenow": taken, "aria-valuetext": told,
    }  # fmt: skip
    legend = joined(
        fill(
            '<span><span aria-hidden="true" style="{};background:{}"></span>'
            '<span style="{}">{}</span></span> ',
            _SWATCH, _FILLS[kind], QUIET, words,
        )
        for kind, _, words in parts
    )  # fmt: skip
    drawn = _drawn([(kind, share) for kind, share, _ in parts], spoken, height=10)
    return fill('{}<div style="display:flex;flex-wrap:wrap;column-gap:1.2em">{}</div>', drawn, legend)


def thin_bar(*parts: tuple[str, float]) -> Markup:
    """A bar that compares, beside words that say the same: of kinds, ``"likely"`` and ``"empty"`` too."""
    return _drawn(parts, {"aria-hidden": "true"}, height=6)


def inline_bar(*parts: tuple[str, float]) -> Markup:
    """A small bar within a line of words that say the same."""
    style = f"{_BOX};display:inline-flex;width:6em;height:.7em;margin-left:.6em;border-radius:2px"
    return fill(
        '<span aria-hidden="true" style="{};overflow:hidden;vertical-align:-.05em;background:{}">{}</span>',
        style, _TRACK, _filled("span", parts),
    )  # fmt: skip


def pill(words: str, *, is_grave: bool) -> Markup:
    """A word that is to be noticed; empty where there is none."""
    # No higher than the line it stands in, so that what is below is level with its neighbour.
    style = (
        f"margin:-2px 0;padding:0 .5em;border:2px solid {_OVER if is_grave else WARNING};"
        "border-radius:1em;line-height:1.3"
    )
    return fill('<span style="{}">{}</span>', style, words) if words else Markup("")


def _drawn(parts: Sequence[tuple[str, float]], attributes: Mapping[str, object], height: int) -> Markup:
    told = joined(fill('{}="{}" ', name, value) for name, value in attributes.items())
    return fill('<div {}style="height:{}px;{}">{}</div>', told, height, _BAR, _filled("div", parts))


def _filled(tag: str, parts: Sequence[tuple[str, float]]) -> Markup:
    return joined(
        fill(
            '<{0} style="width:{1:.2f}%;min-width:3px;background:{2}"></{0}>', tag, 100 * share, _FILLS[kind]
        )
        for kind, share in parts
        if share > 0
    )
