"""Laws of the renderer, for any size, picture, mode and depth."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from engage_tui.render.cells import MODES, Canvas, CellMode, ColourDepth, cells
from engage_tui.render.picture import fit, letterbox
from engage_tui.render.rows import RESET, RowEncoder
from engage_tui.tui.widgets.arrange import arrange

modes = st.sampled_from(CellMode)
depths = st.sampled_from(ColourDepth)
sides = st.integers(1, 60)


@settings(max_examples=60, deadline=None)
@given(mode=modes, depth=depths, columns=sides, rows=st.integers(1, 12), seed=st.integers(0, 99))
def test_rows_have_their_columns_and_cutting_is_exact(
    mode: CellMode, depth: ColourDepth, columns: int, rows: int, seed: int
) -> None:
    across, down = MODES[mode].pixels
    shape = (rows * down, columns * across, 3)
    rgb = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    encoded = RowEncoder(depth).encode(cells(rgb, mode, Canvas(depth)))
    assert len(encoded) == rows
    cut = seed % (columns + 1)
    for row in encoded:
        tail = RESET if row.step > 1 else ""
        assert len(row.text) == columns * row.step + len(tail)
        glyphs = row.text[row.step - 1 : columns * row.step : row.step]
        assert cell_len(glyphs) == columns
        left, right = row.cut(0, cut), row.cut(cut, columns)
        assert left.columns + right.columns == columns
        assert left.text.removesuffix(tail) + right.text.removesuffix(
            tail
        ) == row.text.removesuffix(tail)


@given(
    width=st.integers(1, 4000),
    height=st.integers(1, 4000),
    box=st.tuples(sides, sides),
    tall=st.sampled_from([0.5, 1.0, 4 / 3, 2.0]),
)
def test_a_fitted_picture_touches_two_edges_and_leaves_none(
    width: int, height: int, box: tuple[int, int], tall: float
) -> None:
    fitted = fit(width, height, box, tall)
    assert 1 <= fitted[0] <= box[0]
    assert 1 <= fitted[1] <= box[1]
    assert fitted[0] == box[0] or fitted[1] == box[1]


@settings(max_examples=40, deadline=None)
@given(width=sides, height=sides, box=st.tuples(sides, sides), shade=st.integers(1, 255))
def test_a_flat_picture_stays_flat(
    width: int, height: int, box: tuple[int, int], shade: int
) -> None:
    boxed = letterbox(np.full((height, width, 3), shade, np.uint8), box, (0, 0, 0))
    assert boxed.shape == (box[1], box[0], 3)
    assert set(np.unique(boxed)) <= {0, shade}
    assert (boxed == shade).any()


@given(
    width=st.integers(0, 220),
    height=st.integers(0, 70),
    count=st.integers(0, 9),
    large=st.booleans(),
    aspect=st.floats(1.2, 3.5),
)
def test_tiles_stay_inside_and_apart(
    width: int, height: int, count: int, large: bool, aspect: float
) -> None:
    regions = arrange(width, height, count, large=large, aspect=aspect)
    assert len(regions) <= count
    if width >= 40 and height >= 16 and not large:
        assert len(regions) == count
    for each, region in enumerate(regions):
        assert region.width > 0
        assert region.height > 0
        assert region.x >= 0
        assert region.y >= 0
        assert region.right <= width
        assert region.bottom <= height
        assert not any(region.overlaps(other) for other in regions[each + 1 :])
    if large and len(regions) > 1:
        assert regions[0].area >= max(region.area for region in regions)
