"""A microphone, or any other sound input, by PortAudio."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any

import numpy as np

from engage_tui.media import devices, portaudio
from engage_tui.media.playing import PLAYING, Listener, Playing
from engage_tui.media.priority import raise_thread
from engage_tui.media.processing import MicrophoneChain, Mono, Processing
from engage_tui.media.source import BLOCK, SAMPLE_RATE, AudioFrame
from engage_tui.media.worker import ThreadedSource

_BOUND = 50  # blocks between callback and thread: half a second; the newest are dropped beyond it
_LOST = 2.0  # seconds without a block after which the device counts as gone


class MicrophoneSource(ThreadedSource[AudioFrame], portaudio.User):
    """Mono blocks of an input device, processed by its chain.

    Args:
        device: ``default``, an index, a name or a part of it.
        processing: What is done to the sound.
        playing: What the speaker plays, for the echo canceller.
        low_latency: Take half blocks from the device, which leaves less waiting in the sound system.

    Attributes:
        chain: Echo, noise, gain and voice activity; its `wanted` may be changed while the source runs.
        dropped: Blocks lost because a sink was too slow.
    """

    kind = "audio"

    def __init__(
        self,
        device: str = "default",
        processing: Processing = Processing(),  # noqa: B008 - frozen
        playing: Playing = PLAYING,
        *,
        low_latency: bool = False,
    ) -> None:
        super().__init__()
        portaudio.User.__init__(self)
        self.chain = MicrophoneChain(processing, self._played, lambda: playing.label)
        self._playing = playing
        self._listener: Listener | None = None
        self._period = BLOCK // 2 if low_latency else BLOCK
        self.device_id = device
        self.label = device
        self.dropped = 0
        # A SimpleQueue's put takes no Python lock; its bound is kept by the callback.
        self._blocks: queue.SimpleQueue[tuple[bytes, float]] = queue.SimpleQueue()

    def _prepare(self) -> None:
        self._blocks = queue.SimpleQueue()
        self._listener = self._playing.listen()
        self.begin()

    def _open_stream(self) -> Any:
        device = devices.find_device("audioinput", self.device_id)
        self.label = device.label
        return portaudio.open_stream(
            "RawInputStream",
            device.label,
            device=device.index,
            samplerate=SAMPLE_RATE,
            channels=1,
            dtype="int16",
            blocksize=self._period,
            latency=3 * self._period / SAMPLE_RATE,
            callback=self._callback,
        )

    def _callback(self, samples: Any, frames: int, stamp: Any, status: Any) -> None:  # noqa: ARG002
        if self._blocks.qsize() >= _BOUND:
            self.dropped += 1
            return
        self._blocks.put((bytes(samples), time.monotonic()))

    def _run(self, stop: threading.Event) -> None:
        raise_thread()
        heard = time.monotonic()
        gathered = b""
        while not stop.is_set():
            try:
                samples, arrived = self._blocks.get(timeout=0.2)
            except queue.Empty:
                if not self._is_active() or time.monotonic() - heard > _LOST:
                    raise portaudio.gone(self.label) from None
                continue
            heard = time.monotonic()
            gathered += samples
            if len(gathered) < BLOCK * 2:
                continue
            block, gathered = np.frombuffer(gathered, np.int16).reshape(-1, 1), b""
            self.push(AudioFrame(self.chain.process(block), arrived - BLOCK / SAMPLE_RATE))

    def _is_active(self) -> bool:
        with self._using:
            return self._stream is not None and bool(self._stream.active)

    def _played(self) -> Mono:
        assert self._listener is not None
        return self._listener.read()

    def _release(self) -> None:
        if self._listener is not None:
            self._playing.leave(self._listener)
            self._listener = None
        self.finish()
