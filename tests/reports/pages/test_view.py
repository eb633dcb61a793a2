"""The linked view and all else that a page does in a browser; one page is opened for all."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from ablations.tracking.reader import read_study
from reports.drawing.drawing import colour_of, marker_of
from reports.drawing.style import COLOURS, MARKERS

pytestmark = pytest.mark.slow
MOST_BYTES = 1_500_000


@pytest.fixture(scope="module")
def opened(chromium, drawn):
    """The toy's page with scripts, at a laptop's width."""
    page = chromium.new_page(viewport={"width": 1366, "height": 768})
    failures = []
    page.on("pageerror", lambda error: failures.append(error))
    page.goto((drawn / "index.html").as_uri())
    yield page
    page.close()
    assert failures == []


@pytest.fixture
def page(opened):
    """The page as it is when it has just been opened."""
    opened.emulate_media(color_scheme="light", media="screen")
    opened.set_viewport_size({"width": 1366, "height": 768})
    opened.reload()
    return opened


def told(page):
    """What the view tells of the point that is looked at, by heading."""
    terms = page.locator("#view .told dt").all_text_contents()
    return dict(zip(terms, page.locator("#view .told dd").all_text_contents(), strict=True))


def marked(page):
    """The rows that are marked in the figures below the view."""
    marks = page.locator("figure .marked")
    return marks.evaluate_all("marks => marks.map(mark => mark.dataset.row)")


def test_a_point_of_the_view_is_marked_in_every_figure(page, uri):
    point = page.locator("#view .point[data-row='0.0>1.1']").first
    point.hover()
    assert set(marked(page)) == {"0.0>1.1"}
    figures = page.locator("figure:has(.marked)").evaluate_all("all => all.map(one => one.id)")
    assert {f"{axis}-accuracy" for axis in ("rate", "rule", "pace")} < set(figures)
    assert "heatmap" in figures
    baseline = read_study(uri, "toy").replicates({"rate": "0.1", "rule": "plain", "pace": "5"})
    scores = [100 * run.table.set_index("route").top1["0.0>1.1"] for run in baseline.values()]
    found = told(page)
    assert found["level"] == "baseline"
    assert found["MACs"] == "200"
    assert float(found["top-1 accuracy (%)"].split()[0]) == pytest.approx(
        sum(scores) / len(scores), abs=0.06
    )
    assert [float(one.split()[1]) for one in found["by seed"].split(",")] == pytest.approx(
        scores, abs=0.06
    )
    assert found["visits"] == "1"


def test_a_mark_of_a_figure_chooses_its_row_everywhere(page):
    mark = page.locator("#rule-accuracy [data-row='0.1>1.1']").first
    mark.scroll_into_view_if_needed()
    mark.click(force=True)
    page.mouse.move(3, 3)  # what was chosen stays
    assert set(marked(page)) == {"0.1>1.1"}
    assert page.locator("#view .point[aria-selected=true]").get_attribute("data-row") == "0.1>1.1"
    assert told(page)["route"] == "0.1>1.1"
    page.locator("#view svg[role=listbox]").focus()
    page.keyboard.press("Escape")
    assert marked(page) == []


def test_the_view_shows_what_is_asked_for(page):
    points = page.locator("#view .point")
    shown = points.count()
    page.get_by_label("rule: momentum").check()
    assert points.count() == shown + 4
    page.get_by_label("show").select_option(label="top-1 accuracy, change (points)")
    anchor = page.locator("#view .point[data-row='0'][role=option]").first
    assert anchor.get_attribute("aria-label").endswith("top-1 accuracy, change (points) 0.0 ± 0.0")
    before = anchor.bounding_box()["x"]
    page.get_by_label("logarithmic cost").set_checked(
        not page.get_by_label("logarithmic cost").is_checked()
    )
    middle = page.locator("#view .point[data-row='0.0>1.1'][role=option]").first
    left, right = (
        page.locator(f"#view .point[data-row='{row}'][role=option]").first.bounding_box()["x"]
        for row in ("0", "1")
    )
    linear = (middle.bounding_box()["x"] - left) / (right - left)
    assert anchor.bounding_box()["x"] == pytest.approx(before, abs=40)
    assert linear == pytest.approx(1 / 3, abs=0.02)  # 200 between 100 and 400
    page.get_by_role("button", name="closer").click()
    assert points.count() < shown + 4
    page.get_by_role("button", name="all").click()
    assert points.count() == shown + 4


def test_spreads_are_in_sight_unless_they_would_press_all_points_together(page):
    points = [
        {"values": {"s": 1}, "spreads": {"s": 0.5}},
        {"values": {"s": 3}, "spreads": {"s": 9}},
    ]
    assert page.evaluate("points => withSpreads(points, 's')", points) == [0.5, 1.5, 2, 4]
    alone = [{"values": {"s": 1}, "spreads": {"s": None}}]
    assert page.evaluate("points => withSpreads(points, 's')", alone) == [1, 1]


def test_levels_look_as_in_the_figures(page):
    numbers = list(range(20))
    found = page.evaluate("numbers => numbers.map(one => [colourOf(one), shapeOf(one)])", numbers)
    shapes = dict(zip(MARKERS, page.evaluate("SHAPES"), strict=True))
    assert found == [[COLOURS.index(colour_of(n)), shapes[marker_of(n)]] for n in numbers]


def test_a_rectangle_that_is_drawn_is_zoomed_to(page):
    box = page.locator("#view svg[role=listbox]").bounding_box()
    before = page.locator("#view [role=option]").count()
    page.mouse.move(box["x"] + 60, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 50)
    page.mouse.up()
    assert 0 < page.locator("#view [role=option]").count() < before


def test_keys_reach_every_point(page):
    page.get_by_label("logarithmic cost").focus()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('role')") == "listbox":
            break
    every = page.locator("#view [role=option]")
    ids = every.evaluate_all("all => all.map(one => one.id)")
    reached = []
    for _ in ids:
        active = page.evaluate("document.activeElement.getAttribute('aria-activedescendant')")
        reached.append(active)
        assert (
            page.locator(f"#{active}").get_attribute("aria-label").startswith(told(page)["route"])
        )
        page.keyboard.press("ArrowRight")
    assert reached == ids
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")  # the same row, at the other level
    assert told(page)["route"] == "0"
    assert told(page)["level"] == "rate: 0.2"
    page.keyboard.press("+")
    assert page.locator("#view [role=option]").count() < len(ids)
    page.keyboard.press("0")
    assert page.locator("#view [role=option]").count() == len(ids)


def test_the_route_is_drawn_with_the_blocks_that_it_runs_through(page):
    drawn = page.evaluate(
        """() => {
            const anchors = [{name: 'a', blocks: 3}, {name: 'b', blocks: 4}];
            const svg = drawRoute('0.1>1.2', anchors);
            const blocks = [...svg.querySelectorAll('rect')];
            const used = blocks.map(one => one.classList.contains('used'));
            return [svg.getAttribute('aria-label'), used, svg.querySelectorAll('line').length,
                    drawRoute('1', anchors).getAttribute('aria-label'),
                    drawRoute('0.1>1.2 1.2>0.2', anchors).getAttribute('aria-label')];
        }"""
    )
    label, used, joints, alone, back = drawn
    assert label == "Route: blocks 0 to 1 of a, then blocks 2 to 3 of b"
    assert used == [True, True, False, False, False, True, True]
    assert joints == 1
    assert alone == "Route: blocks 0 to 3 of b"
    assert back.endswith("of a, then blocks 2 to 2 of b, then blocks 2 to 2 of a")


def test_tables_are_sorted_by_a_key_press(page):
    page.locator("#explore summary").click()
    button = page.locator("#points th button", has_text="top-1 accuracy (%)")
    place = button.evaluate("button => button.parentElement.cellIndex")
    cells = page.locator(f"#points tbody td:nth-child({place + 1})")

    def numbers():
        return [float(one.replace("\N{MINUS SIGN}", "-").split()[0]) for one in
                cells.all_text_contents()]  # fmt: skip

    assert numbers() != sorted(numbers())
    for order in ("ascending", "descending"):
        button.press("Enter")
        head = page.locator(f"#points th[aria-sort={order}]")
        assert head.text_content() == "top-1 accuracy (%)"
        assert numbers() == sorted(numbers(), reverse=order == "descending")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(page, scheme):
    """Contrast, names, roles: as axe-core judges them, with all folds open."""
    page.emulate_media(color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    page.locator("#view .point").last.hover()
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


def test_it_is_whole_without_scripts(chromium, drawn):
    page = chromium.new_page(viewport={"width": 1366, "height": 768}, java_script_enabled=False)
    page.goto((drawn / "index.html").as_uri())
    assert page.locator("#answer li").count() == 3
    assert page.locator("figure > svg").count() == 14
    assert not page.locator("#view").is_visible()
    assert page.get_by_text("A script would draw").is_visible()
    page.locator("#explore summary").click()
    assert page.locator("#points tbody tr").count() == 16
    assert page.locator("#points tbody tr").first.is_visible()
    page.locator(".index a", has_text="Settings and origin").click()  # opens what is folded
    assert page.locator("#provenance").is_visible()
    page.close()


@pytest.mark.parametrize("width", [390, 360])
def test_a_phone_need_not_be_scrolled_sideways(page, width):
    page.set_viewport_size({"width": width, "height": 740})
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    page.locator("#view .point").last.hover()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_print_holds_all_that_is_folded_and_cut(page):
    page.set_viewport_size({"width": 760, "height": 1000})  # as wide as paper
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("#provenance").is_visible()
    assert page.locator("#runs tbody tr").last.is_visible()
    assert not page.locator(".controls").is_visible()
    cut = "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).length"
    assert page.locator(".scroll").evaluate_all(cut) == 0
    assert page.locator(".runs").evaluate("one => one.scrollHeight <= one.clientHeight + 1")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() == 3


def test_a_page_is_light(drawn):
    assert (drawn / "index.html").stat().st_size < MOST_BYTES


def test_letters_of_figures_are_found(page):
    texts = page.locator("#rule-accuracy > svg text").all_text_contents()
    assert "top-1 accuracy (%)" in texts
    assert any(re.match("momentum", text) for text in texts)
    assert page.evaluate("document.fonts.load('12px STIXGeneral').then(fonts => fonts.length)") == 1
