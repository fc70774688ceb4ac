"""Where the mix goes: a sound card, or nowhere at the same pace. Either clocks the thread that mixes.

An output owns that thread and calls `render` on it, one 10 ms block at a time. With a card the thread fills a small
ring and the device's callback only copies from it.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from engage_tui.errors import DeviceError, EngageError
from engage_tui.media.playing import PLAYING, Playing
from engage_tui.media.source import BLOCK, SAMPLE_RATE

_log = logging.getLogger(__name__)

Stereo = npt.NDArray[np.float32]
Render = Callable[[int], Stereo]
"""Takes a number of samples, returns float32 ``(samples, 2)``, -1 to 1."""

_SECONDS = BLOCK / SAMPLE_RATE
_SILENCE = bytes(BLOCK * 2 * 4)
_DEPTH, _DEEPEST = (
    3,
    6,
)  # blocks in the ring: what hides 30 ms of delay, and what is tried after misses
_CALM = 30.0  # seconds without a miss after which the ring shrinks by a block
_SETTLING = 0.5  # seconds after the start in which sound servers ask for several blocks at once
_LATEST = 0.25  # seconds behind which the clock gives up catching up: the machine was suspended
_LOST = 2.0  # seconds without a callback after which a card counts as gone


class AudioOutput(ABC):
    """Something that asks for the mix, block by block, until it is stopped.

    Attributes:
        label: The output's name for people.
        blocks: Blocks asked for since the start.
        underruns: Times a block was not ready when it was due (the first half second, in which sound servers fill
            their own buffers, is not counted).
        depth: Blocks kept ready, 10 ms each.
    """

    label: str = ""

    def __init__(self) -> None:
        self.blocks = 0
        self.underruns = 0
        self.depth = _DEPTH
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, render: Render, on_lost: Callable[[EngageError], None] | None = None) -> None:
        """Begin to call `render` on a thread of the output's own.

        Args:
            render: Must not raise.
            on_lost: Called once on that thread when the device is gone (it must not call `stop`). `render` is
                then called further, by the clock, into nothing, so that voices keep flowing until another output
                is chosen.

        Raises:
            DeviceError: The device is absent or busy, or its library is missing.
        """
        self.stop()
        self._stop.clear()
        self.blocks = self.underruns = 0
        self._open()
        self._thread = threading.Thread(
            target=self._run, args=(render, on_lost), name="mixer", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop asking, and free the device; returns when `render` is called no more. Idempotent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._close()

    @abstractmethod
    def _run(self, render: Render, on_lost: Callable[[EngageError], None] | None) -> None:
        """Call `render` until `_stop` is set."""

    def _open(self) -> None:  # noqa: B027 - a clock has none
        """Open the device."""

    def _close(self) -> None:  # noqa: B027 - a clock has none
        """Free the device."""

    def _pace(self, render: Render, take: Callable[[Stereo], None] | None = None) -> None:
        """Call `render` by the monotonic clock until `_stop` is set."""
        due = started = time.monotonic()
        while not self._stop.is_set():
            due += _SECONDS
            delay = due - time.monotonic()
            if delay > 0 and self._stop.wait(delay):
                return
            block = render(BLOCK)
            if take is not None:
                take(block)
            self.blocks += 1
            late = time.monotonic() - due
            if late > self.depth * _SECONDS:  # a ring filled by this thread would have been empty
                self.underruns += time.monotonic() - started > _SETTLING
            if late > _LATEST:
                due += late


class TimerOutput(AudioOutput):
    """No device: the monotonic clock paces the mix.

    Args:
        take: Gets every block, on the output's thread (for recordings and tests).
    """

    def __init__(self, take: Callable[[Stereo], None] | None = None) -> None:
        super().__init__()
        self.label = "no speaker"
        self._take = take

    def _run(self, render: Render, on_lost: Callable[[EngageError], None] | None) -> None:  # noqa: ARG002
        self._pace(render, self._take)


class SpeakerOutput(AudioOutput):
    """A sound card by PortAudio.

    Args:
        device: ``default``, an index, a name or a part of it.
        playing: Is told every block, for echo cancellers.
    """

    def __init__(self, device: str = "default", playing: Playing = PLAYING) -> None:
        super().__init__()
        self._playing = playing
        self.label = device
        self._device = device
        self._stream: Any = None
        # Bound: `depth` blocks, since the mixing thread adds only below it. Nothing is dropped.
        self._ring: deque[bytes] = deque()
        self._wanted = threading.Semaphore(0)
        self._missed = 0  # written by the callback only

    def _open(self) -> None:
        from engage_tui.media import devices, portaudio

        device = devices.find_device("audiooutput", self._device)
        self.label = self._playing.label = device.label
        self.depth = _DEPTH
        self._missed = 0
        self._wanted = threading.Semaphore(0)
        self._ring.clear()
        self._ring.extend([_SILENCE] * self.depth)
        self._stream = portaudio.open_stream(
            "RawOutputStream",
            device.label,
            device=device.index,
            samplerate=SAMPLE_RATE,
            channels=2,
            dtype="float32",
            blocksize=BLOCK,
            latency=self.depth * _SECONDS,
            callback=self._callback,
        )

    def _close(self) -> None:
        from engage_tui.media import portaudio

        stream, self._stream = self._stream, None
        self._playing.label = ""
        if stream is not None:
            portaudio.close_stream(stream)

    def _callback(self, out: Any, frames: int, stamp: Any, status: Any) -> None:  # noqa: ARG002
        try:
            out[:] = self._ring.popleft()
        except IndexError:
            out[:] = _SILENCE
            self._missed += 1
        self.blocks += 1
        self._wanted.release()

    def _run(self, render: Render, on_lost: Callable[[EngageError], None] | None) -> None:
        started = calm_since = heard = time.monotonic()
        missed = 0
        while not self._stop.is_set():
            if self._wanted.acquire(timeout=0.2):
                heard = time.monotonic()
            elif not self._stream.active or time.monotonic() - heard > _LOST:
                break
            while len(self._ring) < self.depth and not self._stop.is_set():
                block = np.ascontiguousarray(render(BLOCK), np.float32)
                self._ring.append(block.tobytes())
                self._playing.write(block)
            now = time.monotonic()
            if self._missed != missed:
                if now - started > _SETTLING:
                    self.underruns += self._missed - missed
                    self.depth = min(_DEEPEST, self.depth + 1)
                missed, calm_since = self._missed, now
            elif now - calm_since > _CALM and self.depth > _DEPTH:
                self.depth, calm_since = self.depth - 1, now
        if not self._stop.is_set():
            self._go_on_without(render, on_lost)

    def _go_on_without(self, render: Render, on_lost: Callable[[EngageError], None] | None) -> None:
        from engage_tui.media import portaudio

        error: DeviceError = portaudio.gone(self.label)
        _log.warning("%s", error)
        self._close()  # a dead stream would keep the device list from being read anew
        if on_lost is not None:
            try:
                on_lost(error)
            except Exception:  # noqa: BLE001 - border: the owner's handler
                _log.exception("the handler for a lost speaker failed")
        self._pace(render)


def open_output(device: str | None) -> AudioOutput:
    """The output that a word names, not started yet.

    Args:
        device: None or ``off``: no device, the clock; else as `SpeakerOutput`.
    """
    return TimerOutput() if device in (None, "off") else SpeakerOutput(device)
