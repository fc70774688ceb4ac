"""ITerm2's inline images: each picture is a JPEG file in an escape sequence, the smallest way to send pixels far."""

from __future__ import annotations

from base64 import standard_b64encode

from engage_tui.render.images import Place, Shown
from engage_tui.render.jpeg import JpegEncoder
from engage_tui.render.picture import Pixels


class Iterm2Encoder:
    """Sends pictures as files.

    Args:
        quality: Of the JPEG, 1 (small) to 100 (good).
    """

    def __init__(self, quality: int = 60) -> None:
        self._jpeg = JpegEncoder(quality)
        self._shown = Shown()

    def encode(self, rgb: Pixels, place: Place, *, full: bool = False) -> str:
        """Encode a picture; one that is the same as before is not sent again unless `full`."""
        fresh = self._shown.fresh(rgb, place, full=full)
        if fresh is None:
            return ""
        data = self._jpeg.encode(fresh)
        return (
            f"\x1b]1337;File=inline=1;size={len(data)};width={place.columns};height={place.rows}"
            f";preserveAspectRatio=0;doNotMoveCursor=1:{standard_b64encode(data).decode('ascii')}\x07"
        )

    def clear(self) -> str:
        """Nothing: an image goes when its cells are written."""
        self._shown.forget()
        return ""

    def close(self) -> None:
        """Nothing is held."""
