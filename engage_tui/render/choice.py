"""Which way of drawing pictures a terminal gets, which others work there, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engage_tui.render.cells import CellMode, ColourDepth
from engage_tui.render.terminal import Terminal


class VideoMode(StrEnum):
    """Every way of drawing pictures, the sharpest first."""

    KITTY = "kitty"
    ITERM2 = "iterm2"
    SIXEL = "sixel"
    SEXTANT = "sextant"
    QUADRANT = "quadrant"
    HALF = "half"
    BRAILLE = "braille"
    ASCII = "ascii"
    ASCII_MONO = "ascii-mono"

    @property
    def pixels(self) -> bool:
        """Whether it sends pixels instead of text."""
        return self in _PIXELS

    def cells(self) -> CellMode | None:
        """The same as text; None: it sends pixels."""
        return None if self.pixels else CellMode(self.value)


_PIXELS = (VideoMode.KITTY, VideoMode.SIXEL, VideoMode.ITERM2)
_LETTERS = (VideoMode.ASCII, VideoMode.ASCII_MONO)
_QUADRANT_NAMES = ("vte", "iterm2", "konsole", "alacritty", "vscode")
AUTO = "auto"
"""What a person says who has no wish."""

NAMES = (AUTO, *VideoMode)
"""What ``--video`` takes."""


@dataclass(frozen=True, slots=True)
class Option:
    """One way of drawing, on one terminal.

    Attributes:
        works: Whether it can be expected to.
        auto: Whether it is taken without being asked for.
        reason: Why, or why not, in a few words.
    """

    mode: VideoMode
    works: bool
    auto: bool
    reason: str


def options(terminal: Terminal) -> tuple[Option, ...]:
    """All ways of drawing on that terminal, the best first; at least one works by itself."""
    return tuple(_option(mode, terminal) for mode in VideoMode)


def best(terminal: Terminal) -> Option:
    """The one that is taken without a wish."""
    return next(each for each in options(terminal) if each.works and each.auto)


def working(terminal: Terminal) -> tuple[VideoMode, ...]:
    """What a key can cycle through."""
    return tuple(each.mode for each in options(terminal) if each.works)


def next_mode(mode: VideoMode, terminal: Terminal) -> VideoMode:
    """The mode after this one among those that work there; the first after the last."""
    modes = working(terminal)
    return modes[(modes.index(mode) + 1) % len(modes)] if mode in modes else modes[0]


def choose(wish: str, terminal: Terminal) -> Option:
    """What is drawn with when a person says `wish`; a wish always wins, even where it may not work.

    Args:
        wish: One of `NAMES`.
        terminal: Where.

    Raises:
        ValueError: There is no such mode.
    """
    if wish == AUTO:
        return best(terminal)
    return _option(VideoMode(wish), terminal)


def _option(mode: VideoMode, terminal: Terminal) -> Option:
    judge = _judge_pixels if mode.pixels else _judge_letters if mode in _LETTERS else _judge_blocks
    works, auto, reason = judge(mode, terminal)
    return Option(mode, works, works and auto, reason)


def _judge_letters(mode: VideoMode, terminal: Terminal) -> tuple[bool, bool, str]:
    """Whether it works, whether it is taken by itself, and why."""
    if mode is VideoMode.ASCII_MONO:
        return True, True, "letters by brightness, anywhere"
    if terminal.colour is ColourDepth.MONO:
        return False, False, "no colours here"
    return True, True, "letters in colour, anywhere"


def _judge_blocks(mode: VideoMode, terminal: Terminal) -> tuple[bool, bool, str]:
    mono = terminal.colour is ColourDepth.MONO
    if not terminal.unicode:
        return False, False, "the locale or the terminal has no Unicode"
    if mode is VideoMode.HALF:
        return True, True, "every font has half-blocks"
    if not terminal.quadrants:
        return False, False, "a console's font has half-blocks alone"
    if mode is VideoMode.BRAILLE:
        return True, False, "dots: a matter of taste"
    if mono:
        return False, False, "needs colours"
    if mode is VideoMode.SEXTANT and not terminal.sextants:
        return False, False, "this terminal is not known to draw sextants"
    if mode is VideoMode.SEXTANT:
        return True, True, "this terminal draws sextants itself"
    known = terminal.name.lower().startswith(_QUADRANT_NAMES)
    if not known:
        return True, False, "works if the font has them: xterm's bitmap fonts do not"
    return True, terminal.colour >= ColourDepth.INDEXED, "this terminal's fonts have quadrants"


def _judge_pixels(mode: VideoMode, terminal: Terminal) -> tuple[bool, bool, str]:
    spoken = {
        VideoMode.KITTY: terminal.kitty,
        VideoMode.SIXEL: terminal.sixel,
        VideoMode.ITERM2: terminal.images,
    }[mode]
    if not spoken:
        told = (
            "the terminal does not offer it" if terminal.answered else "the terminal did not answer"
        )
        return False, False, told
    if terminal.colour is ColourDepth.MONO:
        return False, False, "NO_COLOR"
    if terminal.multiplexer:
        return False, False, "tmux or screen stands between"
    if not all(terminal.cell):
        return False, False, "the size of a cell in pixels is unknown"
    if terminal.remote:
        return True, False, "works, but pixels are too much for most SSH lines"
    return True, True, "the terminal offers it, and sits on this machine"
