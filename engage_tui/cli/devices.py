"""`engage-tui devices`: what microphones, speakers and cameras there are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from engage_tui.errors import EngageError
    from engage_tui.media.devices import Device

_HEADINGS = {"audioinput": "Microphones", "audiooutput": "Speakers", "videoinput": "Cameras"}


@click.command(short_help="List microphones, speakers and cameras.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
def devices(as_json: bool) -> None:
    """List microphones, speakers and cameras.

    The number, the name or a part of the name is what --microphone, --speaker and --camera take.
    """
    from engage_tui.media.devices import devices_problem, list_devices
    from engage_tui.media.quiet import native_stderr_in_log

    with native_stderr_in_log():
        found, problem = list_devices(), devices_problem()
    if as_json:
        click.echo(_json(found, problem))
    else:
        _draw(found, problem)


def _json(found: list[Device], problem: EngageError | None) -> str:
    return json.dumps(
        {
            "devices": [
                {
                    "kind": device.kind,
                    "device_id": device.device_id,
                    "index": device.index,
                    "label": device.label,
                    "default": device.default,
                }
                for device in found
            ],
            "problem": None
            if problem is None
            else {"message": problem.message, "hint": problem.hint},
        }
    )


def _draw(found: list[Device], problem: EngageError | None) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    for kind, heading in _HEADINGS.items():
        table = Table(title=heading, title_justify="left", title_style="bold", box=None)
        table.add_column("#", justify="right", style="cyan", no_wrap=True)
        table.add_column("Name", overflow="fold")
        table.add_column("")
        for device in found:
            if device.kind == kind:
                mark = "[green]default[/]" if device.default else ""
                table.add_row(str(device.index), escape(device.label), mark)
        if table.row_count == 0:
            table.add_row("-", "[dim]none[/]", "")
        console.print(table)
        console.print()
    if problem is not None:
        console.print(f"[yellow]{escape(problem.message)}[/] {escape(problem.hint)}")
    console.print("Always there: [cyan]file:PATH[/], [cyan]test[/], and [cyan]screen[/] for video.")
