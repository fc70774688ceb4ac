"""What terminals do with pixels: decoders of sixels and of kitty's graphics, strict where the protocols are."""

from __future__ import annotations

import base64
import os
import re
import zlib

import numpy as np
import numpy.typing as npt

from engage_tui.render.picture import Pixels

_SIXEL = re.compile(
    r"#(?P<define>\d+;2;\d+;\d+;\d+)|#(?P<colour>\d+)|!(?P<count>\d+)(?P<many>[?-~])"
    r"|(?P<one>[?-~])|(?P<feed>-)|(?P<home>\$)"
)


def draw_sixels(sequence: str, screen: Pixels) -> npt.NDArray[np.int_]:
    """Draw onto a picture in place, as a terminal does that leaves what is not written.

    Returns:
        How often each pixel was written.
    """
    head = re.fullmatch(r'\x1bP0;1;0q"1;1;(\d+);(\d+)(.*)\x1b\\', sequence)
    assert head is not None
    assert (int(head[2]), int(head[1])) == screen.shape[:2]
    colours: dict[int, tuple[int, ...]] = {}
    written = np.zeros(screen.shape[:2], np.int_)
    colour = x = band = end = 0
    for each in _SIXEL.finditer(head[3]):
        assert each.start() == end, head[3][end : end + 20]
        end = each.end()
        if each["define"]:
            number, _, *percent = map(int, each["define"].split(";"))
            colours[number] = tuple((part * 255 + 50) // 100 for part in percent)
        elif each["colour"]:
            colour = int(each["colour"])
        elif each["feed"]:
            band, x = band + 1, 0
        elif each["home"]:
            x = 0
        else:
            count = int(each["count"] or 1)
            bits = ord(each["many"] or each["one"]) - 63
            for line in range(6):
                if bits >> line & 1:
                    place = (band * 6 + line, slice(x, x + count))
                    assert place[0] < len(screen)
                    assert x + count <= screen.shape[1]
                    screen[place] = colours[colour]
                    written[place] += 1
            x += count
    assert end == len(head[3])
    return written


_WHOLE = re.compile(
    r"(?:[^\x00-\x1f\x7f-\x9f]"  # what is printed
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # control sequences
    r"|\x1bP[^\x1b]*\x1b\\|\x1b_[^\x1b]*\x1b\\|\x1b\][^\x07\x1b]*\x07)*"  # strings
)


def is_whole(text: str) -> bool:
    """Whether a text consists of characters and of sequences from their beginning to their end."""
    return _WHOLE.fullmatch(text) is not None


def kitty_commands(text: str) -> list[tuple[dict[str, str], bytes]]:
    """The graphics commands in a text that holds nothing else: chunks put together, base64 decoded and unpacked."""
    commands: list[tuple[dict[str, str], bytes]] = []
    open_keys: dict[str, str] | None = None
    data = ""
    end = 0
    for each in re.finditer(r"\x1b_G([^;\x1b]*)(?:;([A-Za-z0-9+/=]*))?\x1b\\", text):
        assert each.start() == end
        end = each.end()
        keys = dict(pair.split("=") for pair in each[1].split(","))
        assert len(each[2] or "") <= 4096
        more = keys.pop("m", "0") == "1"
        if open_keys is not None:
            assert not keys  # only the first chunk says what it is
        else:
            open_keys = keys
        assert not more or len(each[2]) % 4 == 0
        data += each[2] or ""
        if not more:
            content = base64.b64decode(data, validate=True)
            packed = open_keys.get("o") == "z"
            commands.append((open_keys, zlib.decompress(content) if packed else content))
            open_keys, data = None, ""
    assert end == len(text)
    assert open_keys is None
    return commands


def iterm2_images(text: str) -> list[tuple[dict[str, str], bytes]]:
    """The inline images in a text that holds nothing else: their settings, and the files."""
    images = []
    end = 0
    for each in re.finditer(r"\x1b\]1337;File=([^:\x07\x1b]*):([A-Za-z0-9+/=]+)\x07", text):
        assert each.start() == end
        end = each.end()
        keys = dict(pair.split("=") for pair in each[1].split(";"))
        file = base64.b64decode(each[2], validate=True)
        assert keys["inline"] == "1"
        assert int(keys["size"]) == len(file)
        images.append((keys, file))
    assert end == len(text)
    return images


def take_shared(name: str) -> bytes:
    """Read what lies in shared memory and remove it, as kitty does."""
    path = f"/dev/shm{name}"
    with open(path, "rb") as file:
        data = file.read()
    os.unlink(path)
    return data
