"""A picture as a file."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engage_tui.errors import UsageError
from engage_tui.render.snapshot import keep, png, save


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (64, 36)])
def test_png_is_read_by_others_pixel_for_pixel(size: tuple[int, int]) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    with Image.open(io.BytesIO(png(rgb))) as image:
        assert image.mode == "RGB"
        assert np.array_equal(np.asarray(image), rgb)


def test_both_files_and_names_that_are_taken(tmp_path: Path) -> None:
    rgb = np.zeros((2, 2, 3), np.uint8)
    first = save(tmp_path / "new", "face", rgb, ["\x1b[31mab\x1b[0m", "cd"])
    second = save(tmp_path / "new", "face", rgb, [])
    assert [each.name for each in (*first, *second)] == [
        "face.png",
        "face.ans",
        "face-2.png",
        "face-2.ans",
    ]
    assert first[1].read_text() == "\x1b[31mab\x1b[0m\ncd\n"


def test_names_of_strangers_stay_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformdirs.user_pictures_path", lambda: tmp_path)
    image, _ = keep("../../x y\x00", np.zeros((1, 1, 3), np.uint8), [])
    assert image.parent == tmp_path
    assert image.name.startswith("engage-x-y-")


def test_where_nothing_can_be_written_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be saved"):
        save(tmp_path / "file", "face", np.zeros((1, 1, 3), np.uint8), [])
