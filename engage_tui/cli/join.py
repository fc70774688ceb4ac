"""`engage-tui join`: the client, on a screen or as lines of JSON."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from engage_tui import settings
from engage_tui.cli.sounds import bed_option, sound_option, wanted
from engage_tui.engine.messages import Start
from engage_tui.errors import MediaFileError, UsageError

if TYPE_CHECKING:
    from engage_tui.engine.process import SpawnedEngine

_SOURCES = ("camera", "microphone", "screen_share", "screen_share_audio")
_FILE = "file:"

VIDEO_HELP = "How to draw pictures: auto, kitty, sixel, sextant, half, ascii …  [ENGAGE_TUI_VIDEO]"
"""Help of ``--video``; `engage-tui doctor` lists what works."""


spatial_option = click.option(
    "--spatial",
    type=click.Choice(["off", "stereo", "binaural"]),
    default="binaural",
    show_default=True,
    help="Voices around you: for headphones, for two speakers, or all in the middle (one ear, one speaker).",
)
"""For which ears; `demo` has it too."""

low_latency_option = click.option(
    "--low-latency",
    is_flag=True,
    help="Small blocks and packets: less delay, more CPU and more packets.",
)
"""`demo` has it too."""


@click.command(short_help="Join a room.")
@click.argument("room", default="")
@click.option("--url", help="The server's address.  [LIVEKIT_URL, or ws://127.0.0.1:7880]")
@click.option("--token", help="Access token; - reads it from stdin.  [LIVEKIT_TOKEN]")
@click.option("--key", help="API key to make a token with.  [LIVEKIT_API_KEY]")
@click.option("--secret", help="Its secret; - reads it from stdin.  [LIVEKIT_API_SECRET]")
@click.option("--name", help="Who you are.  [login name and four digits]")
@click.option("--camera", metavar="SRC", help="default, name, index, file:PATH, test or off.")
@click.option("--microphone", metavar="SRC", help="default, name, index, file:PATH, test or off.")
@click.option("--screen", metavar="SRC", help="Share at once: screen, file:PATH or test.")
@click.option("--speaker", metavar="DEV", help="Where to hear the others, or off.")
@spatial_option
@low_latency_option
@bed_option
@sound_option
@click.option(
    "--subscribe",
    default="microphone",
    show_default=True,
    metavar="WHAT",
    help="What to take on sight: none, microphone, all, or sources with commas.",
)
@click.option("--video", metavar="MODE", help=VIDEO_HELP)
@click.option("--yes", is_flag=True, help="Skip the lobby.")
@click.option("--json", "as_json", is_flag=True, help="No screen: one JSON object a line.")
@click.option(
    "--duration",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="Leave so many seconds after the join.",
)
def join(  # noqa: PLR0913 - one parameter an option
    room: str,
    url: str | None,
    token: str | None,
    key: str | None,
    secret: str | None,
    name: str | None,
    camera: str | None,
    microphone: str | None,
    screen: str | None,
    speaker: str | None,
    spatial: str,
    low_latency: bool,
    bed: tuple[str, ...],
    sound: tuple[str, ...],
    subscribe: str,
    video: str | None,
    yes: bool,
    as_json: bool,
    duration: float | None,
) -> int:
    """Join ROOM and see, hear and speak to the people in it."""
    if token == "-" and secret == "-":
        raise UsageError("Token and secret cannot both come from stdin.", "Give one as a variable.")
    unspecified = "off" if as_json else "default"
    named = {"camera": camera, "microphone": microphone, "screen": screen, "speaker": speaker}
    start = Start(
        url=settings.URL.resolve(url).value,
        room=room,
        identity=name or "",
        name=name or "",
        token=settings.TOKEN.resolve(_from_stdin(token)).value if not (key and secret) else "",
        api_key=settings.API_KEY.resolve(key).value,
        api_secret=settings.API_SECRET.resolve(_from_stdin(secret)).value,
        camera=camera or unspecified,
        microphone=microphone or unspecified,
        screen=screen or "off",
        speaker=speaker or unspecified,
        subscribe=_subscribed(subscribe),
        lobby=not yes and not as_json,
        required=",".join(kind for kind, given in named.items() if given not in (None, "off")),
        duration=duration or 0.0,
        spatial=spatial,
        low_latency=low_latency,
        sounds=wanted(bed, sound),
    )
    if token is not None and not start.token:
        raise UsageError("The token is empty.", "Leave --token out, or give one.")
    start = admitted(start)
    for source in (camera, microphone, screen):
        _check_file(source)
    if as_json:
        from engage_tui.plain.ndjson import run

        return run(start)
    return open_call(lambda: start, video=video)


def admitted(start: Start) -> Start:
    """`start` with its identity, room and token decided.

    Raises:
        UsageError: The room is not the token's, or no token can be made.
        AuthError: The token cannot be read.
    """
    import msgspec

    from engage_tui.engine.credentials import resolve
    from engage_tui.wire.signal import SignalOptions, join_url

    join_url(start.url, SignalOptions())  # says what is wrong with an address
    identity = start.identity
    if not identity and not start.token:
        identity = _login_identity()
    if start.lobby and not start.room and not start.token:
        return msgspec.structs.replace(start, identity=identity, name=start.name or identity)
    found = resolve(
        start.url,
        room=start.room,
        identity=identity,
        name=start.name or identity,
        token=start.token,
        api_key=start.api_key,
        api_secret=start.api_secret,
    )
    return msgspec.structs.replace(
        start,
        room=found.room,
        identity=found.identity,
        name=start.name or found.identity,
    )


def open_call(
    make_start: Callable[[], Start],
    engine: SpawnedEngine | None = None,
    *,
    lobby_after: bool = False,
    video: str | None = None,
) -> int:
    """Show a call on this terminal until it is left, and tell how it ended.

    Args:
        make_start: Gives what the call is started with; called last, while everything else starts.
        engine: One that was spawned before; None spawns one.
        lobby_after: Whether leaving leads back to the lobby instead of the shell.
        video: How pictures are drawn, as ``--video`` has it; None: as the environment says.

    Returns:
        The exit code.

    Raises:
        UsageError: There is no terminal, or it is too small.
    """
    require_terminal()
    wish = video_mode(video)
    from engage_tui.engine.process import spawn

    engine = engine or spawn()
    probe = None
    try:
        from engage_tui.render.probe import begin

        probe = begin()  # answered while the rest is imported
        from engage_tui.tui.outlook import found  # the engine starts meanwhile
        from engage_tui.tui.run import run

        start = make_start()
        left = run(engine, start, spawn if lobby_after else None, found(probe, wish))
    finally:
        if probe is not None:
            probe.restore()
        engine.close()
    if left.message:
        from engage_tui.cli.main import say

        say(left.message, left.hint)
    return left.exit_code


def video_mode(flag: str | None) -> str:
    """How pictures are to be drawn: the flag, else ``ENGAGE_TUI_VIDEO``, else ``auto``.

    Raises:
        UsageError: There is no such mode.
    """
    from engage_tui.render.choice import NAMES

    setting = settings.VIDEO.resolve(flag)
    if setting.value in NAMES:
        return setting.value
    where = "--video" if setting.provenance is settings.Provenance.FLAG else settings.VIDEO.variable
    raise UsageError(f"{where} does not know {setting.value!r}.", f"It takes {', '.join(NAMES)}.")


def require_terminal() -> None:
    """Refuse to draw where nobody sees it.

    Raises:
        UsageError: There is no terminal, or it is too small.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("There is no terminal to draw on.", "Use --json without one.")
    from engage_tui.tui.size import require_size

    require_size()


def _from_stdin(value: str | None) -> str | None:
    """The first line of stdin for ``-``; what follows is left unread, because commands may."""
    import os

    if value != "-":
        return value
    line = b""
    while (byte := os.read(sys.stdin.fileno(), 1)) not in (b"", b"\n"):
        line += byte
    return line.decode(errors="replace").strip()


def _subscribed(what: str) -> str:
    words = [word.strip() for word in what.split(",") if word.strip()]
    if words in (["none"], ["all"]) or (words and all(word in _SOURCES for word in words)):
        return ",".join(words)
    raise UsageError(
        f"--subscribe does not know {what!r}.",
        f"It takes none, all, or any of {', '.join(_SOURCES)} with commas.",
    )


def _check_file(source: str | None) -> None:
    """Say that a file is missing before anything starts; a broken one is found when it is opened."""
    import os

    if source is None or not source.startswith(_FILE):
        return
    path = source[len(_FILE) :]
    if not os.path.isfile(path) or not os.access(path, os.R_OK):
        raise MediaFileError(f"There is no readable file {path}.", "Check the path after file:.")


def _login_identity() -> str:
    import getpass
    import secrets

    try:
        login = getpass.getuser()
    except (OSError, KeyError):  # a container's user without an entry
        login = "guest"
    return f"{re.sub(r'[^A-Za-z0-9._-]', '', login) or 'guest'}-{secrets.token_hex(2)}"
