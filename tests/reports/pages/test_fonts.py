"""The letters that a page brings for its figures."""

from __future__ import annotations

import base64
import re
from io import BytesIO

from fontTools.ttLib import TTFont

from reports.pages.fonts import font_faces

TEXT = '<text style="font-size: 9px; font-family: {}; text-anchor: end" x="1">{}</text>'


def test_a_font_has_the_letters_that_are_asked_for_and_few_others():
    rule = font_faces(TEXT.format("'STIXGeneral', 'No Such Font'", "a&gt;b 5 ±"))
    ((family, data),) = re.findall(
        r"family: '([^']+)'; src: url\(data:font/woff;base64,(\S+)\)", rule
    )
    assert family == "STIXGeneral"
    letters = TTFont(BytesIO(base64.b64decode(data))).getBestCmap()
    assert set(map(chr, letters)) == set("a>b5 ±")
    assert len(data) < 6000
    assert rule == font_faces(TEXT.format("'STIXGeneral', 'No Such Font'", "a&gt;b 5 ±"))


def test_without_text_there_is_no_font():
    assert font_faces("<svg></svg>") == ""
