"""What `tests.bench.keys` measures: the app in a call with nine cameras, over an engine that has no network.

``python -m tests.bench.keys_app MODE [CLIP]``; ``-`` for a clip is one grey picture.
"""

from __future__ import annotations

import asyncio
import sys
import time

import av
import msgspec
import numpy as np

from engage_tui.engine.link import Link
from engage_tui.engine.messages import Credit, Down, Intent, Picture, Watch
from engage_tui.media.scale import Scaler
from engage_tui.render.probe import begin
from engage_tui.tui.model import TOGGLES
from engage_tui.tui.outlook import found
from engage_tui.tui.run import run
from tests.bench.clip import frames
from tests.tui import fake_engine
from tests.tui.fake_engine import FakeEngine
from tests.tui.people import camera_person
from tests.tui.starting import START

PEOPLE = 9


def _grey() -> av.VideoFrame:
    shades = np.linspace(0, 255, 320 * 180).astype(np.uint8).reshape(180, 320)
    rgb = np.repeat(shades[..., None], 3, axis=2)
    return av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")


class Hall(FakeEngine):
    """Nine people whose cameras run; switches obey at once."""

    def __init__(self, clip: str | None) -> None:
        super().__init__()
        self._frames = [_grey()] if clip == "-" else frames(clip)
        self._scaler = Scaler()
        self._watched: dict[int, Watch] = {}
        self._call = fake_engine.call()
        self.on_intent = self._obey

    def link(self) -> Link:
        """The screen's end; people come as soon as somebody listens."""
        front = super().link()
        asyncio.get_running_loop().call_soon(self._enter)
        return front

    def _enter(self) -> None:
        self.send(fake_engine.joined())
        people = {f"p{n}": camera_person(f"p{n}", speaking=n == 0) for n in range(PEOPLE)}
        self.state(call=self._call, people=people)

    def _on_message(self, message: Down) -> None:
        super()._on_message(message)
        loop = asyncio.get_running_loop()
        if isinstance(message, Watch):
            self._watched[message.tile] = message
            if message.key:
                loop.call_soon(self._show, message, 1)
        elif isinstance(message, Credit) and message.tile in self._watched:
            watch = self._watched[message.tile]
            loop.call_later(0.8 / watch.frame_rate, self._show, watch, message.number + 1)

    def _show(self, watch: Watch, number: int) -> None:
        if self._watched.get(watch.tile) != watch or not watch.key:
            return
        now = time.monotonic()
        frame = self._frames[int(now * 15) % len(self._frames)]
        data, width, height = self._scaler.to_rgb(frame, watch.width, watch.height)
        self.send(Picture(watch.tile, number, watch.key, width, height, now, data))

    def _obey(self, intent: Intent) -> None:
        if intent.name in TOGGLES:
            name = TOGGLES[intent.name]
            view = msgspec.structs.replace(getattr(self._call, name), on=intent.arguments["value"])
            self._call = msgspec.structs.replace(self._call, **{name: view})
            self.state(call=self._call)


if __name__ == "__main__":
    mode, *clip = sys.argv[1:]
    run(Hall(clip[0] if clip else None), START, outlook=found(begin(), mode))
