"""A picture as a file: PNG without a library, and text with colours."""

from __future__ import annotations

import re
import struct
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engage_tui.errors import UsageError
from engage_tui.render.picture import Pixels

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB, _DEPTH = 2, 8


def png(pixels: Pixels) -> bytes:
    """A picture as a PNG file.

    Args:
        pixels: RGB24, shape (height, width, 3), at least one pixel.
    """
    height, width = pixels.shape[:2]
    plain = np.zeros((height, 1 + width * 3), np.uint8)  # each row begins with its filter: none
    plain[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, _DEPTH, _RGB, 0, 0, 0)
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", zlib.compress(plain.tobytes())),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    check = zlib.crc32(data, zlib.crc32(name))
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)


def keep(who: str, pixels: Pixels, rows: Sequence[str]) -> tuple[Path, Path]:
    """`save` into the person's folder of pictures, under a name with the time of day.

    Args:
        who: Whose picture it is; only letters and digits of it get into the name.
        pixels: The picture.
        rows: The same as rows of text.

    Raises:
        UsageError: The files cannot be written.
    """
    import platformdirs

    plain = re.sub(r"[^A-Za-z0-9]+", "-", who).strip("-") or "picture"
    name = f"engage-{plain}-{time.strftime('%Y%m%d-%H%M%S')}"
    return save(platformdirs.user_pictures_path(), name, pixels, rows)


def save(folder: Path, name: str, pixels: Pixels, rows: Sequence[str]) -> tuple[Path, Path]:
    """Write a picture twice, as ``NAME.png`` and as ``NAME.ans``, which `cat` shows.

    Args:
        folder: Is made if it does not exist.
        name: Without an ending; a number is added where the name is taken.
        pixels: The picture.
        rows: The same as rows of text.

    Returns:
        Both files.

    Raises:
        UsageError: They cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        image = _free(folder, name)
        image.write_bytes(png(pixels))
        text = image.with_suffix(".ans")
        text.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"The picture cannot be saved: {error.strerror or error}.",
            f"Check that {folder} can be written.",
        ) from error
    return image, text


def _free(folder: Path, name: str) -> Path:
    number, path = 1, folder / f"{name}.png"
    while path.exists():
        number += 1
        path = folder / f"{name}-{number}.png"
    return path
