"""What the terminal can draw, from what it said of itself and what the environment says."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from engage_tui.render.cells import CELL_ASPECT, CellMode, ColourDepth
from engage_tui.render.probe import Answers

_TRUE_TERMS = ("kitty", "alacritty", "foot", "ghostty", "wezterm", "contour", "-direct")
_TRUE_PROGRAMS = frozenset({"iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "rio", "Tabby"})
_TRUE_NAMES = (
    "kitty",
    "foot",
    "wezterm",
    "ghostty",
    "contour",
    "vte",
    "iterm2",
    "konsole",
    "xterm",
)
_MONO_TERMS = ("dumb", "unknown", "vt1", "vt2", "vt3", "vt5")
_SEXTANT_NAMES = ("kitty", "foot", "wezterm", "ghostty", "contour", "windows terminal")
"""Terminals that draw U+1FB00 and its kin themselves, whatever the font holds."""
_IMAGE_NAMES = ("iterm2", "wezterm")
_VTE_SEXTANTS = 6200
_XTERM_TRUE = 331
_USUAL_CELL = (10, 20)  # of the VT340, which sixels were made for
_ASPECTS = (1.2, 3.5)  # height of a cell by its width that is believed


@dataclass(frozen=True, slots=True)
class Terminal:
    """What can be drawn.

    Attributes:
        colour: How many colours.
        unicode: Whether the locale carries more than ASCII, and the terminal is one that draws blocks.
        dark: Whether text is brighter than its background, if that is known.
        remote: Whether the terminal is at the far end of an SSH connection.
        multiplexer: Whether tmux or screen stands between.
        name: What the terminal calls itself, or the environment calls it; may be empty.
        answered: Whether it answered what it was asked.
        sixel: Whether it draws sixels.
        kitty: Whether it speaks kitty's graphics protocol.
        images: Whether it shows iTerm2's inline images.
        sextants: Whether it is known to draw sextants.
        quadrants: Whether it can be expected to draw quadrants: any font but a console's has them.
        sync: Whether it shows frames whole (mode 2026).
        cell: Width and height of a cell in pixels; zeros: unknown.
        registers: Colours of sixels; 0: unknown.
    """

    colour: ColourDepth = ColourDepth.TRUE
    unicode: bool = True
    dark: bool | None = None
    remote: bool = False
    multiplexer: bool = False
    name: str = ""
    answered: bool = False
    sixel: bool = False
    kitty: bool = False
    images: bool = False
    sextants: bool = False
    quadrants: bool = True
    sync: bool = False
    cell: tuple[int, int] = (0, 0)
    registers: int = 0

    @property
    def cell_pixels(self) -> tuple[int, int]:
        """Width and height of a cell in pixels; a usual one where they are unknown."""
        return self.cell if all(self.cell) else _USUAL_CELL

    @property
    def aspect(self) -> float:
        """Height of a cell divided by its width; the usual one where it is unknown or cannot be."""
        width, height = self.cell
        ratio = height / width if width else 0.0
        return ratio if _ASPECTS[0] <= ratio <= _ASPECTS[1] else CELL_ASPECT


def detect(
    environ: Mapping[str, str] | None = None,
    answers: Answers | None = None,
    cell: tuple[int, int] = (0, 0),
) -> Terminal:
    """Put together what is known of the terminal. NO_COLOR always wins.

    Args:
        environ: The environment; the process's own unless told.
        answers: What the terminal said of itself; None: it was not asked.
        cell: Pixels of a cell as the terminal's driver knows them (`probe.window_cell`), which goes before answers.
    """
    env = os.environ if environ is None else environ
    said = answers or Answers()
    multiplexer = bool(env.get("TMUX") or env.get("STY"))
    named = said.name.lower() if said.name else ("" if multiplexer else _named(env))
    images = named.startswith(_IMAGE_NAMES)
    colour = _colour(env)
    if colour in (ColourDepth.SIXTEEN, ColourDepth.INDEXED) and _true_by_name(said.name):
        colour = ColourDepth.TRUE
    return Terminal(
        colour=colour,
        unicode=_unicode(env),
        dark=_dark(env, said),
        remote=any(env.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")),
        multiplexer=multiplexer,
        name=said.name or named,
        answered=said.complete,
        sixel=said.sixel,
        kitty=said.kitty,
        images=images,
        sextants=named.startswith(_SEXTANT_NAMES) or _vte(named, env, multiplexer) >= _VTE_SEXTANTS,
        quadrants=env.get("TERM", "") != "linux",
        sync=said.sync,
        cell=cell if all(cell) else said.cell,
        registers=said.registers,
    )


def learned(before: Terminal, answers: Answers, cell: tuple[int, int] = (0, 0)) -> Terminal:
    """What is known once late answers have come; a part of them may have come in time.

    Args:
        before: What was known without them.
        answers: All that came late.
        cell: As for `detect`.
    """
    said = replace(
        answers,
        name=answers.name or before.name,
        sixel=answers.sixel or before.sixel,
        kitty=answers.kitty or before.kitty,
        sync=answers.sync or before.sync,
        cell=answers.cell if all(answers.cell) else before.cell,
        registers=answers.registers or before.registers,
    )
    terminal = detect(answers=said, cell=cell)
    return replace(terminal, dark=before.dark if terminal.dark is None else terminal.dark)


def with_cell(terminal: Terminal, cell: tuple[int, int]) -> Terminal:
    """The same terminal after its font has changed; zeros change nothing."""
    return replace(terminal, cell=cell) if all(cell) and cell != terminal.cell else terminal


def default_mode(terminal: Terminal) -> CellMode:
    """The way of drawing with text that surely works there: what pixels fall back to."""
    if terminal.unicode:
        return (
            CellMode.HALF
        )  # without colours its dithered blocks still show a face, where letters hardly do
    return CellMode.ASCII_MONO if terminal.colour is ColourDepth.MONO else CellMode.ASCII


def _named(env: Mapping[str, str]) -> str:
    """The terminal's name by the variables that it sets."""
    term = env.get("TERM", "").lower()
    for name in ("kitty", "foot", "wezterm", "ghostty", "contour", "alacritty"):
        if name in term:
            return name
    if env.get("WT_SESSION"):
        return "windows terminal"
    if env.get("TERM_PROGRAM") == "iTerm.app" or env.get("LC_TERMINAL") == "iTerm2":
        return "iterm2"
    return env.get("TERM_PROGRAM", "").lower() or ("vte" if env.get("VTE_VERSION") else "")


def _vte(named: str, env: Mapping[str, str], multiplexer: bool) -> int:
    """The version of GNOME's terminal widget, 6203 for 0.62.3; 0: another terminal."""
    match = re.match(r"vte\((\d{1,6})\)", named)
    if match:
        return int(match[1])
    version = env.get("VTE_VERSION", "") if not multiplexer and named == "vte" else ""
    return int(version) if version.isdigit() and len(version) < 7 else 0


def _true_by_name(name: str) -> bool:
    lower = name.lower()
    match = re.match(r"xterm\((\d{1,6})\)", lower)
    if match:
        return int(match[1]) >= _XTERM_TRUE
    return lower.startswith(_TRUE_NAMES) and not lower.startswith("xterm")


def _colour(env: Mapping[str, str]) -> ColourDepth:
    term = env.get("TERM", "").lower()
    if env.get("NO_COLOR") or term.startswith(_MONO_TERMS) or (not term and os.name != "nt"):
        return ColourDepth.MONO
    if env.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return ColourDepth.TRUE
    if any(name in term for name in _TRUE_TERMS) or env.get("TERM_PROGRAM") in _TRUE_PROGRAMS:
        return ColourDepth.TRUE
    if (
        env.get("WT_SESSION") or _xterm_version(env) >= _XTERM_TRUE
    ):  # older ones have a palette alone
        return ColourDepth.TRUE
    return ColourDepth.INDEXED if "256" in term else ColourDepth.SIXTEEN


def _xterm_version(env: Mapping[str, str]) -> int:
    digits = "".join(c for c in env.get("XTERM_VERSION", "") if c.isdigit())
    return int(digits) if digits and not env.get("TMUX") and not env.get("STY") else 0


def _unicode(env: Mapping[str, str]) -> bool:
    if env.get("TERM", "").lower().startswith(_MONO_TERMS):
        return False
    locale = next((env[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if env.get(name)), "")
    if not locale or locale in ("C", "POSIX"):
        # Without a locale Python itself takes UTF-8 (PEP 538), and so do the terminals of our day, unless told not to.
        return not env.get("LC_ALL") and os.name != "nt" or bool(env.get("WT_SESSION"))
    return "utf" in locale.lower()


def _dark(env: Mapping[str, str], said: Answers) -> bool | None:
    if said.background is not None:
        red, green, blue = said.background
        return red * 77 + green * 150 + blue * 29 < 128 << 8
    background = env.get("COLORFGBG", "").rpartition(";")[2]
    if not background.isdigit():
        return None
    return int(background) not in (7, *range(9, 16))
