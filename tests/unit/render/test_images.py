"""Kitty's graphics and iTerm2's images."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from engage_tui.render import kitty
from engage_tui.render.images import PixelMode, Place, image_encoder
from engage_tui.render.iterm2 import Iterm2Encoder
from engage_tui.render.jpeg import JpegEncoder
from engage_tui.render.kitty import KittyEncoder
from engage_tui.render.picture import Pixels
from tests.unit.render.decoders import iterm2_images, kitty_commands, take_shared

PLACE = Place(12, 5, (8, 16))
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /dev/shm as kitty would")


def noise(seed: int = 0, size: tuple[int, int] = (80, 96)) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


@pytest.fixture
def shared() -> Iterator[KittyEncoder]:
    encoder = KittyEncoder(3)
    yield encoder
    encoder.close()


def test_inline_chunks_carry_every_pixel() -> None:
    encoder = KittyEncoder(3, shared=False)
    ((keys, data),) = kitty_commands(encoder.encode(noise(), PLACE))
    assert data == noise().tobytes()
    assert keys == {
        "a": "T", "q": "2", "C": "1", "f": "24", "i": keys["i"], "p": "1", "z": "0",
        "s": "96", "v": "80", "c": "12", "r": "5", "o": "z",
    }  # fmt: skip
    ((small, dot),) = kitty_commands(encoder.encode(noise(1, (1, 1)), PLACE))
    assert (small["s"], small["v"], len(dot)) == ("1", "1", 3)


@linux
def test_shared_memory_carries_every_pixel_in_a_hundred_characters(shared: KittyEncoder) -> None:
    for seed in range(3):
        text = shared.encode(noise(seed), PLACE)
        assert len(text) < 130
        ((keys, name),) = kitty_commands(text)
        assert keys["t"] == "s"
        assert int(keys["S"]) == noise().nbytes
        assert take_shared(name.decode()) == noise(seed).tobytes()


@linux
def test_a_terminal_that_reads_nothing_does_not_fill_the_memory(shared: KittyEncoder) -> None:
    names = []
    for seed in range(9):
        ((_, name),) = kitty_commands(shared.encode(noise(seed), PLACE))
        names.append(name.decode())
    for old in names[:5]:
        with pytest.raises(FileNotFoundError):
            take_shared(old)
    assert take_shared(names[-1]) == noise(8).tobytes()
    shared.close()
    with pytest.raises(FileNotFoundError):
        take_shared(names[-2])


class Full:
    """A machine without room for shared memory."""

    def shm_open(self, name: str, flags: int, mode: int) -> int:
        raise OSError(28, "No space left on device")

    def shm_unlink(self, name: str) -> None:
        raise FileNotFoundError(name)


def test_without_shared_memory_pictures_go_inline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kitty, "memory", Full())
    encoder = KittyEncoder(3)
    ((keys, data),) = kitty_commands(encoder.encode(noise(), PLACE))
    assert "t" not in keys
    assert data == noise().tobytes()
    assert not encoder.shared
    monkeypatch.setattr(kitty, "memory", None)
    assert not KittyEncoder(3).shared


@pytest.mark.parametrize("mode", [PixelMode.KITTY, PixelMode.ITERM2])
def test_the_same_picture_is_sent_once_unless_all_is_wanted(mode: PixelMode) -> None:
    encoder = image_encoder(mode, 7, local=False)
    assert encoder.encode(noise(), PLACE)
    assert encoder.encode(noise(), PLACE) == ""
    assert encoder.encode(noise(), PLACE, full=True)
    assert encoder.encode(noise(), Place(11, 5, (8, 16)))
    encoder.clear()
    assert encoder.encode(noise(), Place(11, 5, (8, 16)))
    assert encoder.encode(noise()[:0], PLACE) == ""
    encoder.close()


def test_each_place_has_its_own_image_and_clearing_deletes_it() -> None:
    first, second = KittyEncoder(1, shared=False), KittyEncoder(255, shared=False)
    ((one, _),), ((two, _),) = (
        kitty_commands(each.encode(noise(), PLACE)) for each in (first, second)
    )
    assert one["i"] != two["i"]
    ((gone, _),) = kitty_commands(first.clear())
    assert (gone["a"], gone["d"], gone["i"]) == ("d", "I", one["i"])
    with pytest.raises(ValueError, match="1 to 255"):
        KittyEncoder(0)


@pytest.mark.parametrize("size", [(80, 96), (1, 1), (7, 13)])
def test_an_inline_image_is_a_file_of_its_size(size: tuple[int, int]) -> None:
    rgb = np.full((*size, 3), (30, 90, 200), np.uint8)
    ((keys, data),) = iterm2_images(Iterm2Encoder().encode(rgb, PLACE))
    assert (keys["width"], keys["height"]) == ("12", "5")
    with Image.open(io.BytesIO(data)) as image:
        seen = np.asarray(image.convert("RGB"))
    assert seen.shape == rgb.shape
    assert np.abs(seen.astype(int) - rgb).max() < 6


def test_better_jpeg_is_larger_and_closer() -> None:
    y, x = np.mgrid[:64, :64]
    rgb = np.stack([x * 4, y * 4, (x * y) % 256], axis=2).astype(np.uint8)
    small, good = (JpegEncoder(quality).encode(rgb) for quality in (10, 95))
    assert len(small) < len(good) / 2
    errors = []
    for data in (small, good):
        with Image.open(io.BytesIO(data)) as image:
            errors.append(np.abs(np.asarray(image).astype(int) - rgb).mean())
    assert errors[1] < errors[0]


def test_pictures_far_larger_than_their_place_are_scaled_down() -> None:
    ((keys, _),) = kitty_commands(KittyEncoder(1, shared=False).encode(noise(0, (900, 700)), PLACE))
    assert (keys["s"], keys["v"]) == ("192", "160")


def test_flat_pictures_cost_few_bytes_inline() -> None:
    """Whoever reads slowly is not kept waiting by initials."""
    flat = np.full((80, 96, 3), 40, np.uint8)
    flat[20:60, 30:60] = 200
    text = KittyEncoder(1, shared=False).encode(flat, PLACE)
    assert len(text) < 0.03 * flat.nbytes
    ((_, data),) = kitty_commands(text)
    assert data == flat.tobytes()
