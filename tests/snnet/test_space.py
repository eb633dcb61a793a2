"""The stitching space: published counts, and what holds for every window."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablations.errors import UserError
from helpers.stitching import settings
from snnet.positions import aligned, every, unpaired, windows
from snnet.routes import Joint, Route
from snnet.space import build_space, count_routes, epochs_for, space_for
from studies.experiments.stitching import expected_seconds

DEPTHS = [(3,), (3,)]


def test_a_route_that_is_none_is_named():
    with pytest.raises(ValueError, match=r"no route '0\.0>1\.9' to train alone; there are 0, 1, 0"):
        space_for(settings(only="0.0>1.9"), DEPTHS)
    with pytest.raises(UserError, match="one route alone has no sandwich"):
        settings(only="0.1>1.2", sampling="sandwich")


def test_a_budget_for_each_stitch_trains_larger_spaces_longer():
    stages = [(3,)] * 3
    nearest = settings(kernel=1, epochs=10, budget="stitch")
    unrestricted = replace(nearest, pairs="all")
    counts = [len(space_for(config, stages).routes) for config in (nearest, unrestricted)]
    assert counts == [3 + 2 * 3, 3 + 3 * 3 + 6]  # chains: (i, j) with j >= i of three blocks
    assert epochs_for(nearest, stages) == 10
    assert epochs_for(unrestricted, stages) == 20
    assert epochs_for(replace(unrestricted, budget="run"), stages) == 10
    three = replace(unrestricted, anchors=unrestricted.anchors + unrestricted.anchors[:1])
    assert expected_seconds(three) > expected_seconds(replace(three, budget="run"))


@pytest.mark.parametrize(
    ("depth", "kernel", "epochs"), [(6, 1, 21), (6, 3, 73), (12, 1, 19), (12, 3, 78), (12, 2, 50)]
)
def test_windows_with_as_many_visits_as_the_papers(depth, kernel, epochs):
    config = settings(kernel=kernel, budget="visits", epochs=50)
    assert epochs_for(config, [(depth,)] * 3) == epochs


# kernel, stride, nearest, all pairs and chains, layers per pair of anchors; depth 12, three
# anchors; (2, 1) with 71 is the paper's DeiT space
COUNTS = [
    (1, 1, 27, 117, 12),
    (2, 1, 71, 732, 11),
    (2, 2, 51, 387, 6),
    (3, 1, 111, 1748, 10),
    (3, 2, 91, 1190, 6),
    (3, 3, 75, 813, 4),
    (4, 4, 99, 1395, 3),
]


@pytest.mark.parametrize(("kernel", "stride", "nearest", "everything", "layers"), COUNTS)
def test_counts(kernel, stride, nearest, everything, layers):
    for direction in ("fast_to_slow", "slow_to_fast"):
        near = build_space([(12,)] * 3, kernel, stride, "nearest", direction)
        full = build_space([(12,)] * 3, kernel, stride, "all", direction)
        assert len(near.routes) == nearest
        assert len(near.layers) == 2 * layers
        assert len(full.routes) == everything
        assert len(full.layers) == 3 * layers


sizes = st.integers(1, 9)


@given(depth=sizes, kernel=sizes, stride=sizes)
def test_every_offered_pair_belongs_to_one_window(depth, kernel, stride):
    pairs = [pair for window in windows(depth, kernel, stride) for pair in window]
    assert len(pairs) == len(set(pairs))
    assert all(0 <= i < depth and 0 <= j < depth and abs(i - j) < kernel for i, j in pairs)


@given(
    depth=st.integers(1, 6),
    anchors=st.integers(2, 4),
    kernel=sizes,
    stride=sizes,
    pairs=st.sampled_from(["nearest", "all"]),
    direction=st.sampled_from(["fast_to_slow", "slow_to_fast"]),
)
def test_routes_are_distinct_and_consistent(depth, anchors, kernel, stride, pairs, direction):
    depths = (depth,) * anchors
    space = build_space([(depth,)] * anchors, kernel, stride, pairs, direction)
    assert len(set(space.routes)) == len(space.routes)
    assert space.routes[:anchors] == tuple(Route(n) for n in range(anchors))
    layer_of = space.layer_of()
    for route in space.routes:
        segments = route.segments(depths)
        assert [segment.anchor for segment in segments] == list(route.anchors)
        assert all(segment.start <= segment.stop for segment in segments)
        assert segments[-1].stop == depth
        ordered = sorted(route.anchors, reverse=direction == "slow_to_fast")
        assert list(route.anchors) == ordered
        for joint in route.joints:
            layer = space.layers[layer_of[joint]]
            assert (layer.front, layer.back) == (joint.front, joint.back)
            if pairs == "nearest":
                assert abs(joint.front - joint.back) == 1


@given(
    depths=st.lists(st.integers(2, 6), min_size=2, max_size=3),
    positions=st.sampled_from(["windows", "aligned"]),
    pairs=st.sampled_from(["nearest", "all"]),
    returns=st.integers(0, 2),
)
def test_both_directions_turn_no_oftener_than_they_may(depths, positions, pairs, returns):
    stages = [(depth,) for depth in depths]
    given = {"pairs": pairs, "positions": positions}
    both = build_space(stages, **given, direction="both", returns=returns)
    assert len(set(both.routes)) == len(both.routes)
    for route in both.routes:
        ways = [joint.back > joint.front for joint in route.joints]
        turns = sum(one != two for one, two in pairwise(ways))
        assert turns <= returns
        assert len(ways) - 1 - turns <= int(pairs == "all")
        assert set(route.joints) <= set(both.layer_of())
        blocks = [(s.anchor, n) for s in route.segments(depths) for n in range(s.start, s.stop)]
        assert len(set(blocks)) == len(blocks)
        for anchor in set(route.anchors):
            own = [number for of, number in blocks if of == anchor]
            assert own == sorted(own)
    straight = [
        route
        for route in both.routes
        if list(route.anchors) in (sorted(route.anchors), sorted(route.anchors)[::-1])
    ]
    one_way = [
        build_space(stages, **given, direction=direction).routes
        for direction in ("fast_to_slow", "slow_to_fast")
    ]
    assert set(straight) == set(one_way[0]) | set(one_way[1])


def test_aligned_cuts_lie_at_equal_relative_depth():
    assert aligned(3, 6) == (((0, 2),), ((1, 4),))
    assert aligned(6, 3) == (((1, 1),), ((3, 2),))
    assert aligned(4, 6) == (((0, 1),), ((1, 3),), ((2, 4),))
    space = build_space([(2, 3), (2, 6)], positions="aligned", direction="both", returns=1)
    assert [route.name for route in space.routes[2:5]] == ["0.0>1.1", "0.2>1.4", "0.3>1.6"]
    assert "0.0>1.1 1.3>0.3" in [route.name for route in space.routes]


def test_what_budgets_mean_where_routes_return():
    stages = [(3,), (6,)]
    config = settings(positions="aligned", direction="both", returns=1, epochs=10, budget="stitch")
    assert len(space_for(config, stages).routes) == 2 + 2 + 2 + 2  # of one cut, and of two
    assert epochs_for(config, stages) == 20  # one way: two anchors, two stitches
    paper = len(build_space(stages).routes)
    assert epochs_for(replace(config, budget="visits"), stages) == round(10 * 8 / paper)


def test_a_space_beyond_measure_is_refused(monkeypatch):
    monkeypatch.setattr("snnet.space.MOST_ROUTES", 100)
    with pytest.raises(ValueError, match="more than 100 sub-networks; lower returns or kernel"):
        build_space([(6,), (6,)], direction="both", returns=9)


def test_chain_enters_the_middle_anchor_before_it_leaves_it():
    chains = [r for r in build_space([(3,)] * 3, 2, 1, "all").routes if len(r.joints) == 2]
    assert chains
    assert all(
        second.front_block >= first.back_block for first, second in (c.joints for c in chains)
    )


def test_unpaired_stages_map_each_block_of_the_deeper_one():
    assert unpaired(2, 4) == (((0, 1),), ((1, 2), (1, 3)))
    assert unpaired(6, 18)[0] == ((0, 1), (0, 2))


@given(shallow=st.integers(1, 8), more=st.integers(1, 12))
def test_slow_to_fast_crosses_the_same_places(shallow, more):
    """A place lies between two blocks of either anchor: after i, before j."""
    deep = shallow + more
    up = {(i + 1, j) for group in unpaired(shallow, deep) for i, j in group}
    down = {(j, i + 1) for group in unpaired(deep, shallow) for i, j in group}
    assert down == {(entry, left) for entry, left in up if entry < shallow}


def test_stitches_of_hierarchical_anchors_stay_inside_their_stage():
    stages = [(2, 2, 6, 2), (2, 2, 18, 2), (2, 2, 18, 2)]
    space = build_space(stages, inside=[0, 1, 2])
    assert len(space.routes) == 41
    for route in space.routes[3:]:
        (joint,) = route.joints
        front, i = space.locate(joint.front, joint.front_block)
        back, j = space.locate(joint.back, joint.back_block)
        assert front == back in (0, 1, 2)
        assert i < j
    assert len(space.layers) == 1 + 1 + 6 + 1 + 1 + 17  # one a front block


def test_route_reads_as_it_runs():
    route = Route(0, (Joint(0, 3, 1, 4),))
    assert route.name == "0.3>1.4"
    (front, back) = route.segments((6, 6))
    assert (front.start, front.stop, back.start, back.stop) == (0, 4, 4, 6)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"kernel": 0}, "kernel and stride"),
        ({"pairs": "some"}, "nearest or all"),
        ({"direction": "up"}, "fast_to_slow"),
        ({"positions": "anywhere"}, "windows, aligned, every, not"),
        ({"returns": 1}, "where direction is both, not fast_to_slow"),
        ({"returns": -1}, "a whole number from 0"),
        ({"stages": [(1,), (3,)], "positions": "aligned"}, "no stitch is possible"),
        ({"stages": [(3,), (2, 2)]}, "equally many stages"),
        ({"inside": [1]}, "stages 0 to 0"),
        ({"stages": [(2, 2), (2, 2)], "kernel": 1}, "no stitch is possible"),
    ],
)
def test_impossible_spaces_say_why(arguments, says):
    with pytest.raises(ValueError, match=says):
        build_space(**{"stages": [(3,), (3,)], **arguments})


@pytest.mark.parametrize(
    ("first", "joints"),
    [
        (0, [Joint(1, 0, 0, 1)]),
        (0, [Joint(0, 0, 1, 2), Joint(1, 1, 0, 2)]),
        (0, [Joint(0, 0, 1, 1), Joint(0, 1, 1, 2)]),
    ],
)
def test_a_route_leaves_where_it_is_and_not_before_it_entered(first, joints):
    with pytest.raises(ValueError, match=r"there is no route .*, and cannot leave block"):
        Route(first, tuple(joints))


@given(front=sizes, back=sizes)
def test_every_pair_of_blocks_has_a_layer_of_its_own(front, back):
    groups = every(front, back)
    pairs = [pair for group in groups for pair in group]
    assert len(groups) == len(pairs) == len(set(pairs)) == front * back
    assert set(pairs) == {(i, j) for i in range(front) for j in range(back)}


def test_every_pair_of_anchors_of_several_stages_stays_inside_a_stage():
    space = build_space([(2, 3), (3, 2)], positions="every")
    pairs = [(j.front_block, j.back_block) for route in space.routes for j in route.joints]
    # none enters the first block of a stage, where features of another size are taken
    assert pairs == [(0, 1), (0, 2), (1, 1), (1, 2), (2, 4), (3, 4), (4, 4)]


def test_a_part_of_a_space_has_its_routes_and_the_layers_they_need():
    space = build_space([(3,), (3,), (3,)], pairs="all")
    names = ["0.1>1.1 1.2>2.2", "2", "0", "1", "0.0>2.1"]
    part = space.restricted(names)
    assert [route.name for route in part.routes] == ["0", "1", "2", "0.0>2.1", "0.1>1.1 1.2>2.2"]
    used = {layer for route in part.routes for j in route.joints for layer in [part.layer_of()[j]]}
    assert used == set(range(len(part.layers))) == {0, 1, 2}
    assert space.restricted(route.name for route in space.routes) == space
    with pytest.raises(ValueError, match=r"the space has no route 0\.9>1\.0"):
        space.restricted(["0", "0.9>1.0"])


def test_a_selection_keeps_a_number_that_is_known_before_the_run():
    stages = [(6,)] * 3
    windows = settings()
    every_pair = settings(positions="every", selection="kl")
    assert count_routes(windows, stages) == 3 + 2 * 16
    assert count_routes(every_pair, stages) == count_routes(windows, stages)
    assert count_routes(replace(every_pair, kept=5), stages) == 8
    assert count_routes(replace(every_pair, selection="all"), stages) == 3 + 2 * 36
    five = replace(every_pair, kept=5, budget="stitch", epochs=75)
    assert epochs_for(five, stages) == 8  # of 75 sub-networks


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kept": 72}, "selection kl would keep 72 of 72 stitches; set kept to fewer"),
        ({"positions": "windows"}, "would keep 32 of 32 stitches"),
    ],
)
def test_a_selection_that_drops_nothing_is_refused(changes, says):
    config = settings(**{"positions": "every", "selection": "kl", **changes})
    with pytest.raises(ValueError, match=says):
        count_routes(config, [(6,)] * 3)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"selection": "klas"}, "did you mean kl?"),
        ({"kept": 4}, "selection all keeps every stitch"),
        ({"selection": "cka", "only": "0.1>1.2"}, "one route alone leaves nothing to select"),
        ({"selection": "importance", "layer": "identity"}, "no weights to tell importance by"),
        ({"sampling": "importance", "layer": "identity"}, "no weights to tell importance by"),
    ],
)
def test_settings_of_selections_that_do_not_fit(changes, says):
    with pytest.raises(UserError, match=says):
        settings(**changes)
