"""What the environment says about the terminal; nothing is sent to it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from engage_tui.render.cells import CellMode, ColourDepth

_TRUE_TERMS = ("kitty", "alacritty", "foot", "ghostty", "wezterm", "contour", "-direct")
_TRUE_PROGRAMS = frozenset({"iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "rio", "Tabby"})
_MONO_TERMS = ("dumb", "unknown", "vt1", "vt2", "vt3", "vt5")


@dataclass(frozen=True, slots=True)
class Terminal:
    """What can be drawn.

    Attributes:
        colour: How many colours.
        unicode: Whether the locale carries more than ASCII, and the terminal is one that draws blocks.
        dark: Whether text is brighter than its background, if that is known.
        remote: Whether the terminal is at the far end of an SSH connection.
        multiplexer: Whether tmux or screen stands between.
    """

    colour: ColourDepth = ColourDepth.TRUE
    unicode: bool = True
    dark: bool | None = None
    remote: bool = False
    multiplexer: bool = False


def detect(environ: Mapping[str, str] | None = None) -> Terminal:
    """Read the environment: colours, locale, background, SSH, tmux. NO_COLOR always wins."""
    env = os.environ if environ is None else environ
    return Terminal(
        colour=_colour(env),
        unicode=_unicode(env),
        dark=_dark(env),
        remote=any(env.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")),
        multiplexer=bool(env.get("TMUX") or env.get("STY")),
    )


def default_mode(terminal: Terminal) -> CellMode:
    """The best way of drawing that surely works there."""
    if terminal.unicode:
        return (
            CellMode.HALF
        )  # without colours its dithered blocks still show a face, where letters hardly do
    return CellMode.ASCII_MONO if terminal.colour is ColourDepth.MONO else CellMode.ASCII


def _colour(env: Mapping[str, str]) -> ColourDepth:
    term = env.get("TERM", "").lower()
    if env.get("NO_COLOR") or term.startswith(_MONO_TERMS) or (not term and os.name != "nt"):
        return ColourDepth.MONO
    if env.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return ColourDepth.TRUE
    if any(name in term for name in _TRUE_TERMS) or env.get("TERM_PROGRAM") in _TRUE_PROGRAMS:
        return ColourDepth.TRUE
    if env.get("WT_SESSION") or _xterm_version(env) >= 331:  # older ones have a palette alone
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


def _dark(env: Mapping[str, str]) -> bool | None:
    background = env.get("COLORFGBG", "").rpartition(";")[2]
    if not background.isdigit():
        return None
    return int(background) not in (7, *range(9, 16))
