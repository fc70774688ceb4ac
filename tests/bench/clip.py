"""What the benches draw: a video file where one is named, otherwise a face of the demo with a camera's noise."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np

from engage_tui.demo.faces import LOOKS, SIZE, backdrop, draw
from engage_tui.media.scale import Scaler
from engage_tui.render.picture import Pixels, resample

VARIABLE = "ENGAGE_TUI_BENCH_CLIP"
_COUNT = 60
_NOISE = 2.5  # levels, as a laptop's camera indoors


def arguments(about: str | None) -> argparse.ArgumentParser:
    """A parser that knows the clip."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument(
        "--clip",
        default=os.environ.get(VARIABLE),
        help=f"a video file (or {VARIABLE}); else a face of the demo",
    )
    return parser


def frames(path: str | None) -> list[av.VideoFrame]:
    """The first pictures of a clip, decoded; four seconds of the demo without one."""
    if path is None:
        return list(_face())
    with av.open(path) as container:
        decoded = (
            frame for frame, _ in zip(container.decode(video=0), range(_COUNT), strict=False)
        )
        return list(decoded)


def _face() -> Iterator[av.VideoFrame]:
    random = np.random.default_rng(1)
    look = LOOKS["mira"]
    ground = backdrop(look).pixels
    width, height = SIZE[0] * 2, SIZE[1] * 2
    for number in range(_COUNT):
        canvas = backdrop(look)
        canvas.pixels[...] = ground
        now = number / 15
        draw(canvas, look, now, abs(np.sin(now * 5)))
        large = resample(canvas.to_rgb(), width, height)
        noisy = large + random.normal(0, _NOISE, large.shape)
        rgb = np.clip(noisy, 0, 255).astype(np.uint8)
        yield av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")


class Stretcher:
    """Scales frames to exactly one size, as a tile of their shape gets them."""

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._scaler = Scaler()

    def __call__(self, frame: av.VideoFrame) -> Pixels:
        return self._scaler.stretch(frame, *self._size)


def fitted(scaler: Scaler, frame: av.VideoFrame, width: int, height: int) -> Pixels:
    """A frame as `engage_tui.media.scale` fits it into a box."""
    data, wide, high = scaler.to_rgb(frame, width, height)
    return np.frombuffer(data, np.uint8).reshape(high, wide, 3)


@contextmanager
def as_file(path: str | None, pictures: list[av.VideoFrame]) -> Iterator[str]:
    """The clip as a file for other programs; the demo's face is written to one without loss."""
    if path is not None:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "face.mkv")
        with av.open(target, "w") as container:
            stream = container.add_stream("ffv1", rate=15)
            stream.width, stream.height = pictures[0].width, pictures[0].height
            stream.pix_fmt = "yuv420p"
            for number, picture in enumerate(pictures):
                picture.pts = number
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
        yield target
