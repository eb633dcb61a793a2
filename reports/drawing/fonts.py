"""Fonts for characters that the figures' own font lacks: those of this machine that have them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.font_manager import FontEntry, findfont, fontManager, get_font
from matplotlib.text import Text

from ablations.terminal.display import warn

# of symbols, of boxes for everything, and of coloured pictures, which figures cannot show
ODD = ("cm", "STIXNonUnicode", "STIXSize", "Last Resort", "Noto Color")
_told: set[str] = set()  # characters that no font here has


@contextmanager
def fonts_for(figure: Figure) -> Iterator[None]:
    """Inside, a figure that was laid out is drawn with fonts that have all characters of its text.

    Characters that no font has are named in a warning, each but once.
    """
    own = str(plt.rcParams["font.family"][0])
    texts = figure.findobj(Text)
    lacking = frozenset("".join(text.get_text() for text in texts)) - _characters(findfont(own))
    lacking = frozenset(one for one in lacking if one.isprintable() and not one.isspace())
    if not lacking:
        yield
        return
    families, left = _families(lacking)
    new = left - _told
    if new:
        _told.update(new)
        warn(
            f"no font on this machine has {' '.join(sorted(new))}: figures show boxes in their "
            "place; install one that does, such as Noto Sans CJK, or call levels otherwise"
        )
    family = [own, *families]
    for text in texts:
        text.set_fontfamily(family)
    with plt.rc_context({"font.family": family}):  # of text that is made as late as that
        figure.draw_without_rendering()  # these are wider or narrower
        yield


@cache
def _families(characters: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Families that together have these characters, few of them, and the characters none has."""
    left, chosen = characters, []
    plain = sorted((one.name, one.fname) for one in fontManager.ttflist if _is_plain(one))
    have = {name: characters & _characters(file) for name, file in plain}
    while have:
        best = max(have, key=lambda name: len(have[name] & left))
        if not have[best] & left:
            break
        chosen.append(best)
        left -= have[best]
    return tuple(chosen), left


def _is_plain(font: FontEntry) -> bool:
    """Whether it has letters as one reads them."""
    return font.style == "normal" and font.weight == 400 and not font.name.startswith(ODD)


@cache
def _characters(file: str) -> frozenset[str]:
    """What a font has; nothing where it cannot be read."""
    try:
        return frozenset(map(chr, get_font(file).get_charmap()))
    except (OSError, RuntimeError):  # such as one of pictures
        return frozenset()
