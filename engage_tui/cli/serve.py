"""`engage-tui serve`: the room server in the foreground."""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from engage_tui.errors import UsageError
from engage_tui.wire.token import DEV_KEY, DEV_SECRET

if TYPE_CHECKING:
    from engage_tui.server.app import RunningServer
    from engage_tui.server.config import ServerConfig

_PORT = click.IntRange(0, 65535)
_FILE = click.Path(dir_okay=False)

# Flags whose value goes into the field of the same meaning; a given flag wins over the file.
_SETTLED = 5.0  # seconds after the start in which imports go on in a thread

_FIELDS = {
    "bind": "bind",
    "port": "port",
    "rtc_port": "rtc_port",
    "node_ip": "node_ips",
    "cert": "certificate",
    "tls_key": "certificate_key",
}


@click.command(short_help="Run a room server.")
@click.option(
    "--bind", default="127.0.0.1", show_default=True, help="IPv4 or IPv6 address to listen on."
)
@click.option(
    "--node-ip", multiple=True, help="Address at which media reaches this machine (repeatable)."
)
@click.option(
    "--port", default=7880, show_default=True, type=_PORT, help="TCP port; 0 takes a free one."
)
@click.option(
    "--rtc-port", default=7882, show_default=True, type=_PORT, help="UDP and TCP port of all media."
)
@click.option("--key", default=DEV_KEY, show_default=True, help="API key of the tokens.")
@click.option(
    "--secret", default=DEV_SECRET, help="Their secret; - reads it from stdin.  [default: secret]"
)
@click.option("--config", type=_FILE, help="TOML file: several keys, limits, webhooks; flags win.")
@click.option("--cert", type=_FILE, help="TLS certificate (PEM, with its chain): serve wss.")
@click.option("--tls-key", type=_FILE, help="Its private key (PEM).")
@click.option("--no-v1", is_flag=True, help="Answer 404 on the one-connection path /rtc/v1.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="Of the log on stderr.",
)
@click.option("--watch", is_flag=True, help="Show a live table of rooms and people.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.pass_context
def serve(context: click.Context, /, watch: bool, as_json: bool, **flags: Any) -> None:
    """Run a room server until Ctrl+C: `join` and LiveKit's own clients can meet on it."""
    if watch and (as_json or not sys.stdout.isatty()):
        raise UsageError("--watch needs a terminal.", "Read /metrics or the log instead.")
    given = {
        name for name in flags if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    asyncio.run(_serve(flags, given, watch=watch, as_json=as_json))


async def _serve(flags: dict[str, Any], given: set[str], *, watch: bool, as_json: bool) -> None:
    # Before the imports: a Ctrl+C during the start is an end like any other.
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    from engage_tui import log
    from engage_tui.server.app import start_server

    config, log_format = _configure(flags, given)
    # The table has the terminal to itself.
    log.setup("serve", to_stderr=not watch, as_json=log_format == "json")
    server = await start_server(config)
    # What is imported lives as long as we: a collection would look through it, and hold up media for 40 ms.
    gc.freeze()
    loop.call_later(_SETTLED, gc.freeze)
    try:
        if as_json:
            event = {"event": "ready", "url": server.url, "rtc_port": server.rtc_port}
            click.echo(json.dumps(event))
        else:
            click.echo(f"ready {server.url}")
        await _until_ended(server, ended, watch=watch)
    finally:
        await server.stop()


async def _until_ended(server: RunningServer, ended: asyncio.Event, *, watch: bool) -> None:
    if watch:
        from engage_tui.cli.watch import watch_rooms

        await watch_rooms(server, ended)
    else:
        await ended.wait()


def _configure(flags: dict[str, Any], given: set[str]) -> tuple[ServerConfig, str]:
    """The configuration of file and flags, and the log's format."""
    from engage_tui.server.config import ServerConfig
    from engage_tui.server.config_file import read_config

    path = flags["config"]
    found = read_config(Path(path)) if path else {}
    for flag, field in _FIELDS.items():
        if flag in given or field not in found:
            found[field] = flags[flag] or found.get(field, "")
    found["port"], found["rtc_port"] = _ports(found, flags, given)
    if "keys" not in found or given & {"key", "secret"}:
        found["keys"] = found.get("keys", {}) | _flag_key(flags)
    found["node_ips"] = tuple(found["node_ips"] or ())
    if flags["no_v1"]:
        found["single_connection"] = False
    log_format = found.pop("log_format", "text")
    return ServerConfig(**found), flags["log_format"] if "log_format" in given else log_format


def _ports(found: dict[str, Any], flags: dict[str, Any], given: set[str]) -> tuple[int, int]:
    port = flags["port"] if "port" in given else found["port"]
    rtc_port = flags["rtc_port"] if "rtc_port" in given else found["rtc_port"]
    # Port 0 asks for any free one; then the other may be as free.
    return port, rtc_port if port else 0


def _flag_key(flags: dict[str, Any]) -> dict[str, str]:
    key, secret = flags["key"], flags["secret"]
    if secret == "-":
        secret = sys.stdin.readline().strip()
    if not key or not secret:
        raise UsageError(
            "The key and the secret must not be empty.", "Name them or leave them out."
        )
    return {key: secret}
