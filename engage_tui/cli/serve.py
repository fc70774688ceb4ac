"""`engage-tui serve`: the room server in the foreground."""

from __future__ import annotations

import asyncio
import json
import signal
import sys

import click

from engage_tui.errors import UsageError
from engage_tui.wire.token import DEV_KEY, DEV_SECRET

_PORT = click.IntRange(0, 65535)


@click.command(short_help="Run a room server.")
@click.option("--bind", default="127.0.0.1", show_default=True, help="IPv4 address to listen on.")
@click.option(
    "--port", default=7880, show_default=True, type=_PORT, help="TCP port; 0 takes a free one."
)
@click.option(
    "--rtc-port", default=7882, show_default=True, type=_PORT, help="UDP port of all media."
)
@click.option("--key", default=DEV_KEY, show_default=True, help="API key of the tokens.")
@click.option(
    "--secret", default=DEV_SECRET, help="Their secret; - reads it from stdin.  [default: secret]"
)
@click.option("--no-v1", is_flag=True, help="Answer 404 on the one-connection path /rtc/v1.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def serve(
    bind: str, port: int, rtc_port: int, key: str, secret: str, no_v1: bool, as_json: bool
) -> None:
    """Run a room server until Ctrl+C: `join` and LiveKit's own clients can meet on it."""
    if secret == "-":
        secret = sys.stdin.readline().strip()
    if not key or not secret:
        raise UsageError(
            "The key and the secret must not be empty.", "Name them or leave them out."
        )
    # Port 0 asks for any free one; then the other may be as free.
    udp_port = rtc_port if port else 0
    asyncio.run(_serve(bind, port, udp_port, key, secret, v1=not no_v1, as_json=as_json))


async def _serve(
    bind: str, port: int, rtc_port: int, key: str, secret: str, *, v1: bool, as_json: bool
) -> None:
    # Before the imports: a Ctrl+C during the start is an end like any other.
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    from engage_tui import log
    from engage_tui.server.app import ServerConfig, start_server

    log.setup("serve", to_stderr=True)
    server = await start_server(
        ServerConfig(
            bind=bind, port=port, rtc_port=rtc_port, keys={key: secret}, single_connection=v1
        )
    )
    try:
        if as_json:
            event = {"event": "ready", "url": server.url, "rtc_port": server.rtc_port}
            click.echo(json.dumps(event))
        else:
            click.echo(f"ready {server.url}")
        await ended.wait()
    finally:
        await server.stop()
