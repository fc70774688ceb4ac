"""`engage-tui doctor`: what was found of the terminal, devices and libraries, and what follows from it."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from engage_tui.cli.join import VIDEO_HELP, video_mode

if TYPE_CHECKING:
    from engage_tui.render.choice import Option
    from engage_tui.render.probe import Answers
    from engage_tui.render.terminal import Terminal

_COLOURS = {2: "none", 16: "16", 256: "256", 1 << 24: "16 million"}


@dataclass(frozen=True, slots=True)
class Need:
    """Something that the program can do with, or without.

    Attributes:
        name: What it is.
        found: Whether it is there.
        words: What was found, or what is missing without it.
        hint: What to do about it; empty when nothing.
    """

    name: str
    found: bool
    words: str
    hint: str = ""


@click.command(short_help="Say what this terminal and machine can do.")
@click.option("--video", metavar="MODE", help=VIDEO_HELP)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
def doctor(video: str | None, as_json: bool) -> None:
    """Show what was found of the terminal, devices and libraries.

    Says how pictures will be drawn here and why, which other ways work, and what to install for what is missing.
    """
    from engage_tui.render.choice import choose, options
    from engage_tui.render.probe import begin, window_cell
    from engage_tui.render.terminal import detect

    wish = video_mode(video)
    probe = begin()
    answers = probe.finish() if probe is not None else None
    stream = sys.__stdin__
    cell = window_cell(stream.fileno()) if stream is not None and stream.isatty() else (0, 0)
    terminal = detect(answers=answers, cell=cell)
    chosen, every, needs = choose(wish, terminal), options(terminal), _needs()
    if as_json:
        click.echo(_json(terminal, answers, chosen, every, needs))
        return
    _draw(_facts(terminal, answers), _verdict(wish, chosen), chosen, every, needs)


def _facts(terminal: Terminal, answers: Answers | None) -> list[tuple[str, str]]:
    """What was found of the terminal, in words."""
    columns, rows = shutil.get_terminal_size()
    width, height = terminal.cell
    if answers is None:
        told = "not asked: no terminal, or one that would not answer"
    elif answers.complete:
        told = f"in {answers.seconds * 1000:.0f} ms"
    else:
        told = f"not within {answers.seconds * 1000:.0f} ms"
    between = "tmux or screen" if terminal.multiplexer else "nothing"
    light = {None: "unknown", True: "dark", False: "light"}[terminal.dark]
    return [
        ("terminal", terminal.name or "it did not say"),
        ("answered", told),
        ("size", f"{columns}x{rows}"),
        ("cell", f"{width}x{height} pixels" if width else "unknown"),
        ("colours", _COLOURS[terminal.colour]),
        ("background", light),
        ("Unicode", _yes(terminal.unicode)),
        ("whole frames", _yes(terminal.sync)),
        ("over SSH", _yes(terminal.remote)),
        ("between", between),
    ]


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _verdict(wish: str, chosen: Option) -> str:
    """How pictures are drawn, in a sentence."""
    if wish == "auto":
        return f"Pictures are drawn as {chosen.mode.value}: {chosen.reason}."
    if chosen.works:
        return f"Pictures are drawn as {chosen.mode.value}, as you wish."
    return f"You wish for {chosen.mode.value}, which may not work: {chosen.reason}."


def _needs() -> list[Need]:
    """Devices and libraries, and what to install for those that are missing."""
    from engage_tui.media.devices import devices_problem, list_devices
    from engage_tui.media.quiet import native_stderr_in_log

    with native_stderr_in_log():
        found, problem = list_devices(), devices_problem()
        cameras = _opencv()
    counts = dict.fromkeys(("audioinput", "audiooutput", "videoinput"), 0)
    for device in found:
        counts[device.kind] += 1
    sound = Need("sound", True, "PortAudio loads")
    if problem is not None:
        sound = Need("sound", False, problem.message, problem.hint)
    use = "no sound is heard or sent" if problem is not None else "none"
    return [
        sound,
        _device("microphones", counts["audioinput"], use, "--microphone file:PATH or test"),
        _device("speakers", counts["audiooutput"], use, "--speaker off"),
        cameras,
        _device("cameras", counts["videoinput"], "none", "--camera file:PATH or test"),
    ]


def _device(name: str, count: int, without: str, instead: str) -> Need:
    if count:
        return Need(name, True, str(count))
    return Need(name, False, without, f"Instead: {instead}")


def _opencv() -> Need:
    from engage_tui.errors import DeviceError
    from engage_tui.media.camera import load

    try:
        module = load()
    except DeviceError as error:
        return Need("camera library", False, error.message, error.hint)
    return Need("camera library", True, f"OpenCV {module.__version__}")


def _json(
    terminal: Terminal,
    answers: Answers | None,
    chosen: Option,
    every: tuple[Option, ...],
    needs: list[Need],
) -> str:
    found = asdict(terminal) | {
        "colour": int(terminal.colour),
        "seconds": round(answers.seconds, 4) if answers is not None else None,
    }
    return json.dumps(
        {
            "terminal": found,
            "video": asdict(chosen),
            "modes": [asdict(each) for each in every],
            "needs": [asdict(each) for each in needs],
            "python": platform.python_version(),
            "system": platform.platform(),
        }
    )


def _draw(
    facts: list[tuple[str, str]],
    verdict: str,
    chosen: Option,
    every: tuple[Option, ...],
    needs: list[Need],
) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)

    def table(title: str, rows: Sequence[tuple[str, ...]]) -> None:
        grid = Table(
            title=title, title_justify="left", title_style="bold", box=None, show_header=False
        )
        for row in rows:
            grid.add_row(*row)
        console.print(grid)
        console.print()

    table("Terminal", [(f"[cyan]{name}[/]", escape(value)) for name, value in facts])
    marks = {True: "[green]works[/]", False: "[dim]no[/]"}
    rows = [
        (
            "[bold]→[/]" if each.mode is chosen.mode else " ",
            f"[cyan]{each.mode.value}[/]",
            marks[each.works],
            escape(each.reason),
        )
        for each in every
    ]
    table("Pictures", rows)
    console.print(escape(verdict), soft_wrap=True)
    console.print("Try another: [cyan]engage-tui view test --video MODE[/]\n")
    found = {True: "[green]found[/]", False: "[yellow]missing[/]"}
    table(
        "Devices",
        [
            (f"[cyan]{each.name}[/]", found[each.found], escape(each.words), escape(each.hint))
            for each in needs
        ],
    )
