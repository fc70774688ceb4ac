"""Sources that run on a thread of their own, and the clock that paces those without a device."""

from __future__ import annotations

import logging
import threading
import time
from abc import abstractmethod

from engage_tui.errors import DeviceError, EngageError
from engage_tui.media.source import FrameSource, FrameT

_log = logging.getLogger(__name__)
_LATEST = 0.25  # seconds behind which a pacer gives up catching up


class Pacer:
    """Due times on the monotonic clock, at a fixed rate or at given offsets.

    A source that was held up catches up for at most a quarter of a second; beyond that (a suspended machine) the
    timeline moves instead of a burst being sent.
    """

    def __init__(self) -> None:
        self._start = time.monotonic()

    def wait(self, offset: float, stop: threading.Event) -> float:
        """Sleep until `offset` seconds after the start, or until `stop` is set.

        Returns:
            The due time by `time.monotonic()`.
        """
        due = self._start + offset
        delay = due - time.monotonic()
        if delay > 0:
            stop.wait(delay)
        elif delay < -_LATEST:
            self._start -= delay
            due -= delay
        return due


class ThreadedSource(FrameSource[FrameT]):
    """A source whose device is opened, read and freed on one thread (some libraries bind handles to it).

    Children implement `_prepare` (open; may raise), `_run` (push until told to stop) and `_release`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lifecycle = threading.RLock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._sink_failed = False

    def open(self) -> None:
        """See `FrameSource.open`."""
        with self._lifecycle:
            if self.is_open:
                return
            self._stop, self._ready, self._failure = threading.Event(), threading.Event(), None
            self._thread = threading.Thread(
                target=self._main, name=f"{self.kind} {self.device_id}"[:60], daemon=True
            )
            self._thread.start()
            self._ready.wait()
            if self._failure is not None:
                self._thread.join()
                self._thread = None
                raise self._failure

    def close(self) -> None:
        """See `FrameSource.close`."""
        self._stop.set()
        thread = self._thread
        if thread is threading.current_thread():
            return  # a sink or `on_ended` closes its own source: the thread ends by itself
        with self._lifecycle:
            if self._thread is not None:
                self._stop.set()
                self._thread.join()
                self._thread = None

    @property
    def is_open(self) -> bool:
        """See `FrameSource.is_open`."""
        thread = self._thread
        return (
            thread is not None
            and thread.is_alive()
            and self._failure is None
            and not self._stop.is_set()
        )

    def push(self, frame: FrameT) -> None:
        """Hand a frame to every sink; one that raises is logged once and harms nobody."""
        for sink in self._sinks:
            try:
                sink(frame)
            except Exception:  # noqa: BLE001 - border: foreign code on the source's thread
                if not self._sink_failed:
                    self._sink_failed = True
                    _log.exception("a sink of %s failed", self.label)

    @abstractmethod
    def _prepare(self) -> None:
        """Open the device or file; raises what `open` raises."""

    @abstractmethod
    def _run(self, stop: threading.Event) -> None:
        """Push frames until `stop` is set; raises `EngageError` when the frames end before that."""

    def _release(self) -> None:
        """Free what `_prepare` opened, whether or not it came to its end."""

    def _main(self) -> None:
        stop = self._stop
        error: BaseException | None = None
        opened = False
        try:
            self._prepare()
            opened = True
            self._ready.set()
            self._run(stop)
        except EngageError as known:
            error = known
        except Exception as bug:  # noqa: BLE001 - border: the thread of a device or a codec
            _log.exception("%s failed", self.label)
            error = DeviceError(
                f"{self.label} failed: {bug}", "Choose another device; the log has the details."
            )
        finally:
            self._free()
        if not opened:
            self._failure = error
            self._ready.set()
        elif isinstance(error, EngageError) and not stop.is_set():
            stop.set()
            self._tell(error)

    def _free(self) -> None:
        try:
            self._release()
        except Exception:  # noqa: BLE001 - border: a library may fail to free a dead device
            _log.exception("%s could not be freed", self.label)

    def _tell(self, error: EngageError) -> None:
        _log.warning("%s ended: %s", self.label, error)
        if self.on_ended is None:
            return
        try:
            self.on_ended(error)
        except Exception:  # noqa: BLE001 - border: the owner's handler
            _log.exception("the handler for the end of %s failed", self.label)
