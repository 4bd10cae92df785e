from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import made_up
import matplotlib as mpl
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from audit_lib.model import Bound, Evidence, View
from audit_lib.packets.axes import MOST_ROWS
from audit_lib.packets.figures import draw, svg
from audit_lib.packets.palette import PALETTES

DRAWN = [v for v in View if v is not View.TABLE]


def table(view: View, columns: str, *rows: tuple) -> Evidence:
    return Evidence("e", "E", tuple(columns.split()), rows, view)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", DRAWN)
def test_every_view_is_drawn_on_its_paper(view, theme):
    figure = draw(made_up.evidence(view), theme=theme)
    assert isinstance(figure, Figure)
    assert mpl.colors.to_hex(figure.get_facecolor()) == PALETTES[theme].paper
    assert figure.axes


def test_a_table_has_no_picture():
    assert draw(made_up.evidence(View.TABLE)) is None
    assert svg(made_up.evidence(View.TABLE)) is None


@pytest.mark.parametrize("view", DRAWN)
def test_rows_that_do_not_fit_are_not_drawn(view):
    assert draw(table(view, "a b")) is None
    assert draw(table(view, "a", ("x",))) is None
    good = made_up.evidence(view)
    width = len(good.columns)
    assert draw(replace(good, rows=((None,) * width, ("x",) * width))) is None


@pytest.mark.parametrize("view", DRAWN)
def test_global_state_stays_as_it_was(view):
    before = dict(mpl.rcParams)
    svg(made_up.evidence(view))
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("view", DRAWN)
def test_same_evidence_same_bytes(view):
    assert svg(made_up.evidence(view)) == svg(made_up.evidence(view))


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("text", made_up.HOSTILE)
def test_hostile_text_stays_text(text, inline):
    rows = [(text, 1.0, text), (text + "2", -2.0, text + "2")]
    drawn = svg(table(View.BARS, "label value group", *rows), inline=inline)
    root = ET.fromstring(drawn)
    kinds = {element.tag.rsplit("}")[-1] for element in root.iter()}
    assert not kinds & {"script", "img", "a", "foreignObject", "image"}
    assert not any(name.lower().startswith("on") for e in root.iter() for name in e.attrib)


def test_dollars_are_no_formula():
    drawn = svg(table(View.BARS, "label value", ("$x^2$", 1), ("$\\frac{", 2)))
    assert "$x^2$" in drawn
    assert "$\\frac{" in drawn


def test_inline_ids_do_not_clash_and_colours_follow_the_page():
    one = svg(made_up.evidence(View.BARS), inline=True)
    two = svg(made_up.evidence(View.LINES), inline=True)
    ids = [{e.get("id") for e in ET.fromstring(t).iter() if e.get("id")} for t in (one, two)]
    assert ids[0]
    assert not ids[0] & ids[1]
    assert "var(--fig-0, #0072b2)" in one
    assert "var(--fig-ink, #1b1f24)" in one
    assert one.startswith("<svg")


def test_columns_are_found_by_name_before_place():
    by_name = draw(table(View.BARS, "value label", (3.0, "a"), (4.0, "b")))
    by_place = draw(table(View.BARS, "feature psi", ("a", 3.0), ("b", 4.0)))
    for figure in (by_name, by_place):
        (axes,) = figure.axes
        assert [t.get_text() for t in axes.get_yticklabels()] == ["a", "b"]
        assert [bar.get_width() for bar in axes.patches] == [3.0, 4.0]
    assert by_place.axes[0].get_xlabel() == "psi"


def test_too_many_bars_keep_the_largest_and_say_so():
    rows = [(f"f{i}", float(i)) for i in range(100)]
    (axes,) = draw(table(View.BARS, "label value", *rows)).axes
    assert len(axes.patches) == MOST_ROWS
    assert min(bar.get_width() for bar in axes.patches) == 60.0
    assert axes.get_title(loc="right") == "40 of 100 shown; the table has all"


def test_bars_of_one_label_stand_side_by_side():
    rows = [("a", 1.0, "g"), ("a", 2.0, "h"), ("b", 3.0, "g"), ("b", 4.0, "h")]
    (axes,) = draw(table(View.BARS, "label value group", *rows)).axes
    spans = sorted((b.get_y(), b.get_y() + b.get_height()) for b in axes.patches)
    assert all(low_end <= high_start + 1e-9 for (_, low_end), (high_start, _) in pairwise(spans))


def test_look_ahead_is_drawn_right_of_the_decision_and_first():
    rows = [("past", 5, 0), ("peek", 2, 3), ("all", math.inf, 0)]
    (axes,) = draw(table(View.INFLUENCE, "column look_back look_ahead", *rows)).axes
    assert [t.get_text() for t in axes.get_yticklabels()] == ["peek", "past", "all"]
    right = [b for b in axes.patches if b.get_x() + b.get_width() > 0]
    assert [b.get_width() for b in right] == [3.0]
    assert "whole sample" in [t.get_text() for t in axes.texts]


def test_an_interval_off_the_diagonal_is_marked():
    rows = [(0.2, 0.2, 0.1, 0.3, 10), (0.8, 0.3, 0.2, 0.4, 10)]
    axes = draw(table(View.RELIABILITY, "predicted observed low high count", *rows)).axes[0]
    labels = axes.get_legend_handles_labels()[1]
    assert "interval misses the diagonal" in labels


def test_gaps_in_a_line_stay_gaps():
    rows = [(0, 1.0), (1, None), (2, 3.0)]
    (axes,) = draw(table(View.LINES, "x value", *rows)).axes
    assert math.isnan(axes.lines[0].get_ydata()[1])


def test_threads_draw_what_one_draws_alone():
    alone = {view: svg(made_up.evidence(view)) for view in DRAWN}
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda v: (v, svg(made_up.evidence(v))), DRAWN * 3))
    assert all(alone[view] == text for view, text in together)


def test_what_a_label_may_read_is_no_leak():
    rows = [("return_5", 1, 5, 5), ("return_9", 0, 9, 5)]
    (axes,) = draw(table(View.INFLUENCE, "column look_back look_ahead allowed_ahead", *rows)).axes
    bad = mpl.colors.to_rgba(PALETTES["light"].bad)
    on_top = {}
    for bar in axes.patches:
        if bar.get_width() > 0:
            on_top.setdefault(round(bar.get_y(), 2), []).append(bar)
    legal, illegal = (on_top[y] for y in sorted(on_top, reverse=True))
    assert legal[-1].get_width() == illegal[-1].get_width() == 5
    assert {b.get_width() for b in legal + illegal if b.get_facecolor() == bad} == {9.0}


def test_more_groups_than_colours_join_the_names():
    rows = [(f"unit{i}", float(i), f"file{i}.py") for i in range(12)]
    (axes,) = draw(table(View.BARS, "label value group", *rows)).axes
    assert axes.get_legend() is None
    assert axes.get_yticklabels()[3].get_text() == "unit3 · file3.py"
    assert len({b.get_facecolor() for b in axes.patches}) == 1


def test_all_zero_is_said():
    (axes,) = draw(table(View.BARS, "label value", ("a", 0.0), ("b", 0.0))).axes
    assert [t.get_text() for t in axes.texts] == ["all are 0"]


def test_a_label_that_reads_its_horizon_is_drawn_as_allowed():
    heads = ("column", "look_back", "look_ahead", "allowed_ahead")
    rows = (("week", 0, 6, 6), ("month", 0, 25, 21))
    drawn = draw(Evidence("h", "Bars that each label reads", heads, rows, View.INFLUENCE))
    assert drawn is not None
    axes = drawn.axes[0]
    palette = PALETTES["light"]
    colours = [to_hex(p.get_facecolor()) for p in axes.patches]
    widths = [p.get_width() for p in axes.patches]
    assert list(zip(colours, widths, strict=True)) == [
        (palette.bad, 25.0),
        (palette.series[2], 21.0),
        (palette.series[2], 6.0),
    ]
    legend = axes.get_legend()
    assert legend is not None
    assert [t.get_text() for t in legend.get_texts()] == ["the future", "bars ahead, as allowed"]


@pytest.mark.parametrize(
    ("predicted", "limits"),
    [((0.38, 0.45), (0.2, 0.63)), ((0.05, 0.95), (-0.02, 1.02))],
)
def test_a_reliability_curve_shows_where_the_probabilities_are(predicted, limits):
    heads = ("predicted", "observed", "low", "high", "count")
    rows = tuple((p, p, max(0.0, p - 0.15), min(1.0, p + 0.15), 40) for p in predicted)
    drawn = draw(Evidence("r", "Reliability", heads, rows, View.RELIABILITY))
    assert drawn is not None
    low, high = drawn.axes[0].get_xlim()
    assert drawn.axes[0].get_ylim() == (low, high)
    assert (low, high) == pytest.approx(limits, abs=0.05)
    assert low <= min(r[2] for r in rows)
    assert high >= max(r[3] for r in rows)


def test_a_timeline_in_bars_says_what_they_count_from():
    rows = (("fold 1", -20, -3, "train"), ("fold 1", 0, 20, "test"), ("fold 1", 0, 3, "leak"))
    note = "x: bars from the first test decision; labels read 6 bars ahead"
    heads = ("lane", "start", "end", "kind")
    drawn = draw(Evidence("e", "Edges", heads, rows, View.TIMELINE, note))
    assert drawn is not None
    assert drawn.axes[0].get_xlabel() == "bars from the first test decision"
    assert to_hex(drawn.axes[0].patches[-1].get_facecolor()) == PALETTES["light"].bad


def test_columns_that_read_their_own_row_only_say_so():
    heads = ("column", "look_back", "look_ahead")
    rows = (("side", 0, 0), ("size", 0, 0))
    drawn = draw(Evidence("i", "Influence", heads, rows, View.INFLUENCE))
    assert drawn is not None
    assert "all read their own row only" in [t.get_text() for t in drawn.axes[0].texts]


def test_dependence_has_a_panel_a_factor_and_the_density_of_its_values():
    rows = [("a", i / 50, i / 25 - 1, None) for i in range(100)]
    rows += [("b", 0.5, 1.0, 0.9), ("b", float("nan"), 1.0, 0.1)]
    one, two = (
        axes
        for axes in draw(table(View.DEPENDENCE, "label x value level", *rows)).axes
        if axes.get_visible()
    )
    assert (one.get_xlabel(), two.get_xlabel()) == ("a", "b")
    points, dense = one.collections[1], one.collections[0]
    assert len(points.get_offsets()) == 100
    assert dense.get_label() == "how often it occurs"
    assert len(two.collections[1].get_offsets()) == 1


def test_a_waterfall_steps_from_total_to_total():
    rows = [("base", None, 1.0), ("up", 1.0, 3.0), ("down", 3.0, 2.5), ("this", None, 2.5)]
    (axes,) = draw(table(View.WATERFALL, "label start end", *rows)).axes
    assert [(b.get_x(), b.get_width()) for b in axes.patches] == [(1.0, 2.0), (3.0, -0.5)]
    assert [t.get_text() for t in axes.texts] == ["1", "+2", "-0.5", "2.5"]


def test_cards_show_the_rule_its_interval_and_what_is_usual():
    rows = [
        ("When `x` is above 1, it is 1.", 0.9, 0.8, 0.95, 0.4),
        ("$other$", 0.6, None, None, 0.5),
    ]
    (axes,) = draw(table(View.CARDS, "label value low high base", *rows)).axes
    assert [t.get_text() for t in axes.texts] == ["When x is above 1, it is 1.", r"\$other\$"]
    drawn = [line.get_xdata().tolist() for line in axes.lines]
    assert [0.8, 0.95] in drawn
    assert [0.4, 0.4] in drawn


def test_a_treemap_gives_each_value_its_area_and_fills_it_to_its_share():
    rows = [(f"f{i}.py", size, 0.25, None) for i, size in enumerate((8, 4, 2, 1, 1, 0))]
    scanned, certified = draw(table(View.TREEMAP, "label value scanned certified", *rows)).axes
    boxes, fills = scanned.patches[::2], scanned.patches[1::2]
    areas = [b.get_width() * b.get_height() for b in boxes]
    assert areas == pytest.approx([8 / 16, 4 / 16, 2 / 16, 1 / 16, 1 / 16])
    assert [f.get_height() / b.get_height() for f, b in zip(fills, boxes, strict=True)] == (
        pytest.approx([0.25] * 5)
    )
    assert len(certified.patches) == 5
    assert certified.get_title(loc="left") == "certified: not measured"


def test_small_boxes_of_a_treemap_share_one():
    rows = [(f"f{i}.py", 10, float(i < 60)) for i in range(100)]
    (axes,) = draw(table(View.TREEMAP, "label value scanned", *rows)).axes
    assert "40 more" in [t.get_text() for t in axes.texts]
    assert len(axes.patches) == 60 * 2 + 1


@pytest.mark.parametrize(("view", "heads"), [(View.BARS, "label value"), (View.LINES, "x value")])
def test_a_bound_is_drawn_where_values_are_held_to_it(view, heads):
    rows = (("a", 0.1), ("b", 0.4)) if view is View.BARS else ((1.0, 0.1), (2.0, 0.4))
    held = replace(table(view, heads, *rows), bound=Bound("value", 0.5))
    legend = draw(held).axes[0].get_legend()
    assert [t.get_text() for t in legend.get_texts()] == ["at most 0.5 is allowed"]
