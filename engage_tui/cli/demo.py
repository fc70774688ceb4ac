"""`engage-tui demo`: a call with drawn people, nothing needed but this program."""

from __future__ import annotations

import click

from engage_tui.cli.join import (
    VIDEO_HELP,
    admitted,
    low_latency_option,
    open_call,
    require_terminal,
    spatial_option,
    video_mode,
)
from engage_tui.cli.sounds import bed_option, sound_option, wanted
from engage_tui.engine.messages import Start


@click.command(short_help="See it all without a device or a network.")
@click.option("--name", help="Who you are.  [login name and four digits]")
@click.option("--camera", metavar="SRC", help="default, name, index, file:PATH, test or off.")
@click.option("--microphone", metavar="SRC", help="default, name, index, file:PATH, test or off.")
@click.option("--speaker", metavar="DEV", help="Where to hear the others, or off.")
@spatial_option
@low_latency_option
@bed_option
@sound_option
@click.option("--video", metavar="MODE", help=VIDEO_HELP)
def demo(
    name: str | None,
    camera: str | None,
    microphone: str | None,
    speaker: str | None,
    spatial: str,
    low_latency: bool,
    bed: tuple[str, ...],
    sound: tuple[str, ...],
    video: str | None,
) -> int:
    """Sit in a call with four people who are drawn and spoken, on a room server of your own.

    Your camera and microphone are used if there are any; nothing leaves this machine.
    """
    require_terminal()
    video_mode(video)  # a wrong one is told before anything starts
    sounds = wanted(bed, sound)
    from engage_tui.demo.process import ROOM, Stage

    named = {"camera": camera, "microphone": microphone, "speaker": speaker}
    with Stage() as stage:

        def make_start() -> Start:
            return admitted(
                Start(
                    url=stage.wait_ready(),
                    room=ROOM,
                    identity=name or "",
                    name=name or "",
                    camera=camera or "default",
                    microphone=microphone or "default",
                    speaker=speaker or "default",
                    subscribe="all",
                    spatial=spatial,
                    low_latency=low_latency,
                    sounds=sounds,
                    required=",".join(
                        k for k, given in named.items() if given not in (None, "off")
                    ),
                )
            )

        return open_call(make_start, stage.engine, video=video)
