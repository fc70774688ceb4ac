"""A microphone, or any other sound input, by PortAudio.

Its thread looks for what has arrived and takes it. PortAudio could call us instead, but its thread for that
spins for ever when some sound servers die (ALSA, up to version 19.7), and closing the stream then waits for it.
"""

from __future__ import annotations

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

_NAP = 0.001  # seconds between two looks for samples that should be there soon
_LOST = 2.0  # seconds of waiting for a block after which the device counts as gone


class MicrophoneSource(ThreadedSource[AudioFrame], portaudio.User):
    """Mono blocks of an input device, processed by its chain.

    Args:
        device: ``default``, an index, a name or a part of it.
        processing: What is done to the sound.
        playing: What the speaker plays, for the echo canceller.
        low_latency: Take half blocks from the device, which leaves less waiting in the sound system.

    Attributes:
        chain: Echo, noise, gain and voice activity; its `wanted` may be changed while the source runs.
        overruns: Times samples were lost because they were not taken in time.
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
        self.overruns = 0

    def _prepare(self) -> None:
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
        )

    def _run(self, stop: threading.Event) -> None:
        raise_thread()
        heard = time.monotonic()
        waited = 0.0  # seconds, counted in naps: this process may have been stopped
        while not stop.is_set():
            with self._using:
                taken = portaudio.take(self._stream, BLOCK)
            now = time.monotonic()
            if taken is None or waited > _LOST:
                raise portaudio.gone(self.label)
            self.overruns += taken.overrun
            if not taken.samples:
                # The next block is complete a block's length after the last; looked for earlier, it is not there.
                nap = max(_NAP, heard + BLOCK / SAMPLE_RATE - _NAP - now)
                time.sleep(nap)
                waited += nap
                continue
            heard, waited = now, 0.0
            samples = np.frombuffer(taken.samples, np.int16).reshape(-1, 1)
            begin = now - taken.ready / SAMPLE_RATE
            for start in range(0, len(samples), BLOCK):
                block = self.chain.process(samples[start : start + BLOCK])
                self.push(AudioFrame(block, begin + start / SAMPLE_RATE))

    def _played(self) -> Mono:
        assert self._listener is not None
        return self._listener.read()

    def _release(self) -> None:
        if self._listener is not None:
            self._playing.leave(self._listener)
            self._listener = None
        self.finish()
