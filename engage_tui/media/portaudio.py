"""The way to PortAudio: loaded when first asked for, its errors in our words, its device list kept fresh."""

from __future__ import annotations

import importlib
import json
import logging
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from types import ModuleType
from typing import Any, NamedTuple

from engage_tui.errors import DeviceError, EngageError

_log = logging.getLogger(__name__)
_lock = threading.RLock()
_streams = 0  # open streams of ours, which do not outlive PortAudio

START_TIME = 10.0
"""Seconds in which the machine's sound system must start; some ask the network, or wake devices."""

_ELSEWHERE = 10.0  # seconds that another process may take to list devices
_GONE = {
    -9985,
    -9986,
    -9993,
    -9996,
    -9999,
}  # unavailable, internal error, host lost, invalid, host error
_OVERFLOWED = -9981  # input overflowed


def load() -> ModuleType:
    """The module `sounddevice`, with PortAudio initialised.

    Raises:
        DeviceError: The package or the PortAudio library is not installed, finds no sound system, or one that hangs.
    """
    with _lock:
        if (already := sys.modules.get("sounddevice")) is not None and _starter is None:
            return already
        try:
            return _start()
        except ImportError as error:
            raise DeviceError(
                "The Python package sounddevice is not installed.", "pip install sounddevice"
            ) from error
        except TimeoutError as error:
            raise DeviceError(
                "The machine's sound system does not answer.",
                "Restart it; a JACK lock that a killed program left, /dev/shm/jack_db-*, can be the cause.",
            ) from error
        except OSError as error:
            raise DeviceError("PortAudio is not installed.", _install_hint()) from error
        except Exception as error:  # noqa: BLE001 - border: the library's start may fail in its own ways
            raise DeviceError(
                f"PortAudio does not start: {error}.", "Check the machine's sound system."
            ) from error


def _start() -> ModuleType:
    """Import the module, which starts PortAudio, on a thread that may hang: a sound system's fault must not be ours.

    Raises:
        TimeoutError: It does not end; it is not waited for again.
        Exception: Of the import.
    """
    global _starter
    before, thread = _starter, _starter or _Starter()
    _starter = thread
    if before is None:
        thread.start()
        thread.join(START_TIME)
    if thread.is_alive():
        raise TimeoutError
    _starter = None
    if thread.error is not None:
        raise thread.error
    return sys.modules["sounddevice"]


class _Starter(threading.Thread):
    """Imports sounddevice; a daemon, so that a program with a hanging sound system can end."""

    def __init__(self) -> None:
        super().__init__(name="portaudio", daemon=True)
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            importlib.import_module("sounddevice")
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            self.error = error


_starter: _Starter | None = None  # one that has not ended

Listing = tuple[list[dict[str, Any]], tuple[int, int]]
"""All sound devices as PortAudio describes them, and the default input's and output's index (-1: none)."""


class Taken(NamedTuple):
    """What was taken from an input stream.

    Attributes:
        samples: As the stream delivers them; empty: there is no whole block yet.
        ready: How many were there before, the rest of a block included.
        overrun: Whether some before them were lost, because they were not taken in time.
    """

    samples: bytes
    ready: int
    overrun: bool


class User(ABC):
    """Somebody with a stream open, which must be closed for PortAudio to be restarted.

    Attributes:
        label: The device's name for people.
    """

    label: str

    def __init__(self) -> None:
        self._stream: Any = None
        self._using = threading.Lock()  # held while the stream is used, and while there is none

    @abstractmethod
    def _open_stream(self) -> Any:
        """Open the device's stream with `open_stream`.

        Raises:
            DeviceError: As there.
        """

    def begin(self) -> None:
        """Open the stream, and take part in `renew` from now on.

        Raises:
            DeviceError: As `open_stream`.
        """
        self._stream = self._open_stream()
        with _lock:
            _users.append(self)

    def finish(self) -> None:
        """Undo `begin`: close the stream, if it is open. Idempotent."""
        with _lock:
            if self in _users:
                _users.remove(self)
        stream, self._stream = self._stream, None
        if stream is not None:
            close_stream(stream)

    def suspend(self) -> None:
        """Close the stream and wait for `resume`; called by another thread."""
        self._using.acquire()
        if self._stream is not None:
            close_stream(self._stream)
            self._stream = None

    def resume(self) -> None:
        """Open it again, or find out that it is gone; by the thread that called `suspend`."""
        try:
            self._stream = self._open_stream()
        except EngageError as error:
            _log.info("%s did not come back: %s", self.label, error)
        finally:
            self._using.release()


_users: list[User] = []
_renewing = False


def query() -> Listing:
    """The devices that can be opened now.

    PortAudio reads the list when it starts; it is restarted here, unless a stream is open.

    Raises:
        DeviceError: As `load`.
    """
    with _lock:
        already = "sounddevice" in sys.modules
        sounddevice = load()
        try:
            if already and _streams == 0:
                sounddevice._terminate()
                sounddevice._initialize()
            default = sounddevice.default.device
            return list(sounddevice.query_devices()), (int(default[0]), int(default[1]))
        except sounddevice.PortAudioError as error:
            raise _cannot_list(error) from error


def query_anew() -> Listing:
    """The devices that there are at this moment, without disturbing open streams: another process looks for them.

    Raises:
        DeviceError: As `load`.
    """
    with _lock:
        if _streams == 0:
            return query()
    command = [sys.executable, "-m", __name__]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_ELSEWHERE, check=True)
        found, default = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise _cannot_list(error) from error
    return found, (default[0], default[1])


def renew() -> None:
    """Restart PortAudio, so that devices which came since can be opened; what sounds pauses for a tenth of a second.

    Raises:
        DeviceError: It does not start again.
    """
    global _renewing
    with _lock:
        if _renewing:
            return  # one of those that open their streams again looks for a device
        _renewing, users = True, list(_users)
        for user in users:
            user.suspend()
        try:
            query()
        finally:
            for user in users:
                user.resume()
            _renewing = False


def reopen(user: User) -> None:
    """Have a user close its stream and open it again, in nobody's way."""
    with _lock:
        user.suspend()
        user.resume()


def open_stream(kind: str, label: str, **arguments: Any) -> Any:
    """Open and start a raw stream of sounddevice.

    Args:
        kind: ``"RawInputStream"`` or ``"RawOutputStream"``.
        label: The device's name for people.
        **arguments: The stream's arguments.

    Raises:
        DeviceError: The device is busy, gone, or cannot do what is asked.
    """
    global _streams
    sounddevice = load()
    with _lock:
        try:
            stream = getattr(sounddevice, kind)(**arguments)
        except (sounddevice.PortAudioError, ValueError, OSError) as error:
            raise _cannot_open(label, error) from error
        _streams += 1
    try:
        stream.start()
    except (sounddevice.PortAudioError, OSError) as error:
        close_stream(stream)
        raise _cannot_open(label, error) from error
    return stream


def room(stream: Any) -> int | None:
    """Samples that an output stream takes without waiting; None: its device is gone."""
    if stream is None:
        return None
    try:
        return int(stream.write_available)
    except (_loaded().PortAudioError, OSError) as error:
        _log.info("a sound device is lost: %s", error)
        return None


def write(stream: Any, samples: Any) -> bool:
    """Hand samples to an output stream that has `room` for them.

    Args:
        stream: Of `open_stream`, without a callback.
        samples: float32 ``(samples, 2)``, contiguous.

    Returns:
        Whether the device is still there.
    """
    if stream is None:
        return False
    try:
        stream.write(samples.tobytes())
    except (_loaded().PortAudioError, OSError) as error:
        _log.info("a sound device is lost: %s", error)
        return False
    return True


def take(stream: Any, block: int) -> Taken | None:
    """What an input stream has ready, in whole blocks; never waits.

    Args:
        stream: Of `open_stream`, without a callback.
        block: Samples of a block.

    Returns:
        None: its device is gone.
    """
    if stream is None:
        return None
    try:
        ready = int(stream.read_available)
        samples, overrun = stream.read(ready - ready % block) if ready >= block else (b"", False)
    except (_loaded().PortAudioError, OSError) as error:
        if error.args[1:2] == (_OVERFLOWED,):
            return Taken(b"", 0, True)  # it goes on by itself
        _log.info("a sound device is lost: %s", error)
        return None
    return Taken(bytes(samples), ready, bool(overrun))


def close_stream(stream: Any) -> None:
    """Close a stream of `open_stream`, dead or alive; what is still to be played is dropped."""
    global _streams
    with _lock:
        _streams -= 1
    stream.abort(ignore_errors=True)
    stream.close(ignore_errors=True)


def _loaded() -> ModuleType:
    """The module, which has opened a stream: without the lock, which `renew` may hold while it waits for us."""
    return sys.modules["sounddevice"]


def gone(label: str) -> DeviceError:
    """The error for a device that stopped by itself."""
    return DeviceError(
        f"The sound device {label} is gone.", "Plug it in again, or choose another device."
    )


def _cannot_list(error: Exception) -> DeviceError:
    return DeviceError(
        f"Sound devices cannot be listed: {error}.", "Check the machine's sound system."
    )


def _cannot_open(label: str, error: Exception) -> DeviceError:
    code = error.args[1] if len(error.args) > 1 else None
    if code in _GONE:
        return DeviceError(
            f"The sound device {label} is busy or gone: {error.args[0]}.",
            "Close other programs that use it, or choose another device.",
        )
    return DeviceError(
        f"The sound device {label} cannot be used: {error.args[0] if error.args else error}.",
        "Choose another device; engage-tui devices lists them.",
    )


def _install_hint() -> str:
    if sys.platform == "darwin":
        return "brew install portaudio"
    return "apt install libportaudio2"


if __name__ == "__main__":  # see `query_anew`
    print(json.dumps(query()))  # noqa: T201 - for the process that asked
