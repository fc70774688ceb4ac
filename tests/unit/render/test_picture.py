"""Fitting pictures into boxes."""

from __future__ import annotations

import numpy as np
import pytest

from engage_tui.render.picture import Picture, fit, letterbox, resample


def test_bytes_become_a_picture_or_an_error() -> None:
    picture = Picture.from_bytes(2, 1, bytes([1, 2, 3, 4, 5, 6]))
    assert picture.pixels.tolist() == [[[1, 2, 3], [4, 5, 6]]]
    for width, height, size in ((2, 2, 6), (0, 0, 0), (-1, -2, 6)):
        with pytest.raises(ValueError, match="no RGB picture"):
            Picture.from_bytes(width, height, bytes(size))


@pytest.mark.parametrize(
    ("picture", "box", "tall", "fitted"),
    [
        ((640, 360), (64, 64), 1.0, (64, 36)),
        ((640, 360), (200, 36), 1.0, (64, 36)),
        ((640, 360), (64, 32), 2.0, (64, 18)),  # letters are twice as tall as wide
        ((640, 480), (4, 100), 1.0, (4, 3)),
        ((640, 360), (66, 36), 1.0, (66, 36)),  # no bar of a single pixel
        ((10, 4000), (12, 4), 1.0, (1, 4)),
    ],
)
def test_the_shape_is_kept(
    picture: tuple[int, int], box: tuple[int, int], tall: float, fitted: tuple[int, int]
) -> None:
    assert fit(*picture, box, tall) == fitted


def test_bars_are_equal_and_of_the_background() -> None:
    white = np.full((20, 40, 3), 255, np.uint8)
    boxed = letterbox(white, (40, 30), (9, 8, 7))
    assert (boxed[:5] == (9, 8, 7)).all()
    assert (boxed[5:25] == 255).all()
    assert (boxed[25:] == (9, 8, 7)).all()
    above = letterbox(white, (40, 30), (9, 8, 7), covered=4)
    assert (above[3:23] == 255).all()
    assert (letterbox(white, (40, 22), (9, 8, 7), covered=4)[1:21] == 255).all()


def test_shrinking_takes_the_mean_and_enlarging_invents_nothing() -> None:
    board = np.indices((60, 60)).sum(axis=0) % 2 * 200
    rgb = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    assert abs(resample(rgb, 10, 10).astype(int) - 100).max() <= 1
    flat = np.full((3, 4, 3), 77, np.uint8)
    assert (resample(flat, 31, 17) == 77).all()
    steps = np.repeat(np.array([[[10] * 3, [250] * 3]], np.uint8), 2, axis=0)
    assert (np.diff(resample(steps, 20, 2)[0, :, 0].astype(int)) >= 0).all()


def test_a_picture_that_nearly_fits_stays_sharp() -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (66, 120, 3), np.uint8)
    assert (resample(rgb, 120, 67)[:66] == rgb).all() or (resample(rgb, 120, 67)[1:] == rgb).all()
