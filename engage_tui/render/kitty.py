"""Kitty's graphics protocol: through shared memory on the same machine, in chunks of base64 otherwise.

Every place has one image of a fixed number, which each picture replaces where it stands.
"""

from __future__ import annotations

import os
import zlib
from base64 import standard_b64encode
from collections import deque

from engage_tui.render.images import Place, Shown
from engage_tui.render.picture import Pixels

try:
    import _posixshmem as memory  # what the standard library's own shared memory stands on, without its helper process
except ImportError:  # Windows has no such memory: everything is sent inline
    memory = None

CHUNK = 4096
"""Characters of base64 in one escape sequence; the protocol allows no more."""

_EFFORT = 1  # of zlib: a face takes 0.7 of its bytes at 6 ms for 320x180, and more effort hardly helps; flat areas 0.03

_KEPT = 4
"""Pictures that a terminal may leave unread in shared memory; the terminal itself removes what it has read."""

_FIRST_ID = 0x6E6700  # image numbers of programs that share a terminal should not meet


class KittyEncoder:
    """Sends pictures as one image that replaces itself.

    Args:
        number: Of the place, 1 to 255.
        shared: Whether the terminal reads this machine's memory. Where that fails pictures go inline.
    """

    def __init__(self, number: int, *, shared: bool = True) -> None:
        if not 1 <= number <= 255:
            raise ValueError(f"A place has a number from 1 to 255, not {number}.")
        self._image = _FIRST_ID + number
        self._shared = shared and memory is not None
        self._count = 0
        self._names: deque[str] = deque()  # at most _KEPT; the oldest is removed
        self._shown = Shown()

    @property
    def shared(self) -> bool:
        """Whether pictures go through shared memory."""
        return self._shared

    def encode(self, rgb: Pixels, place: Place, *, full: bool = False) -> str:
        """Encode a picture; one that is the same as before is not sent again unless `full`."""
        fresh = self._shown.fresh(rgb, place, full=full)
        if fresh is None:
            return ""
        height, width = fresh.shape[:2]
        keys = (
            f"a=T,q=2,C=1,f=24,i={self._image},p=1,z=0"
            f",s={width},v={height},c={place.columns},r={place.rows}"
        )
        if self._shared:
            name = self._publish(fresh)
            if name is not None:
                return f"\x1b_G{keys},t=s,S={fresh.nbytes};{_base64(name.encode())}\x1b\\"
        return _chunks(f"{keys},o=z", _base64(zlib.compress(fresh.data, _EFFORT)))

    def clear(self) -> str:
        """Delete the image and its data."""
        self._shown.forget()
        return f"\x1b_Ga=d,d=I,i={self._image},q=2\x1b\\"

    def close(self) -> None:
        """Remove the pictures that the terminal has not read."""
        while self._names:
            _remove(self._names.popleft())

    def _publish(self, rgb: Pixels) -> str | None:
        """Put a picture into shared memory, and tell its name; None: that cannot be done any more."""
        self._count += 1
        name = f"/engage-{os.getpid():x}-{self._image & 0xFF:x}-{self._count:x}"
        while len(self._names) >= _KEPT:
            _remove(self._names.popleft())
        try:
            handle = memory.shm_open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode=0o600)
        except OSError:
            self._shared = False
            return None
        self._names.append(name)
        try:
            _write(handle, rgb)
        except OSError:  # no room left
            _remove(self._names.pop())
            self._shared = False
            return None
        finally:
            os.close(handle)
        return name


def _write(handle: int, rgb: Pixels) -> None:
    os.ftruncate(handle, rgb.nbytes)
    data = rgb.data.cast("B")
    while data:
        data = data[os.write(handle, data) :]


def _remove(name: str) -> None:
    try:
        memory.shm_unlink(name)
    except FileNotFoundError:
        return  # the terminal has read it


def _base64(data: bytes) -> str:
    return standard_b64encode(data).decode("ascii")


def _chunks(keys: str, data: str) -> str:
    """The first sequence says what it is, and every one whether another follows."""
    if len(data) <= CHUNK:
        return f"\x1b_G{keys};{data}\x1b\\"
    parts = [f"\x1b_G{keys},m=1;{data[:CHUNK]}\x1b\\"]
    for start in range(CHUNK, len(data), CHUNK):
        more = int(start + CHUNK < len(data))
        parts.append(f"\x1b_Gm={more};{data[start : start + CHUNK]}\x1b\\")
    return "".join(parts)
