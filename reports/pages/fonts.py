"""The fonts of a page's figures, in the page: only those that matplotlib brings, as others
may not be passed on, and only the letters that stand there."""

from __future__ import annotations

import base64
import re
from collections import defaultdict
from html import unescape
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
from fontTools import subset
from fontTools.ttLib import TTFont
from matplotlib.font_manager import FontProperties, findfont

TEXT = re.compile(r"<text[^>]*font-family: ([^;\"]*)[^>]*>([^<]*)</text>")


def font_faces(svgs: str) -> str:
    """Style rules that give the families which the text of `svgs` asks for."""
    letters: dict[str, set[str]] = defaultdict(set)
    for families, text in TEXT.findall(svgs):
        for family in re.findall(r"'([^']+)'", families):
            letters[family] |= set(unescape(text))
    return "\n".join(filter(None, (_face(name, letters[name]) for name in sorted(letters))))


def _face(family: str, letters: set[str]) -> str:
    try:
        file = Path(findfont(FontProperties(family=[family]), fallback_to_default=False))
    except ValueError:  # of this machine's fonts it is none
        return ""
    if not file.is_relative_to(mpl.get_data_path()):
        return ""
    options = subset.Options(layout_features=[], hinting=False, bidi_closure=False)
    options.drop_tables += ["FFTM"]  # when FontForge made it; fontTools warns of that
    font = TTFont(file, recalcTimestamp=False)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(sorted(letters)))
    subsetter.subset(font)
    font.flavor = "woff"
    content = BytesIO()
    font.save(content)
    data = base64.b64encode(content.getvalue()).decode()
    return f"@font-face {{ font-family: '{family}'; src: url(data:font/woff;base64,{data}); }}"
