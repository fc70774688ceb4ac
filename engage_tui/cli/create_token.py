"""`engage-tui create-token`: an access token on stdout."""

from __future__ import annotations

import re
import sys

import click

from engage_tui.errors import UsageError
from engage_tui.wire.token import Grants
from engage_tui.wire.token import create_token as make_token

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


@click.command("create-token", short_help="Make an access token.")
@click.option("--key", required=True, help="API key.")
@click.option("--secret", required=True, help="Its secret; - reads it from stdin.")
@click.option("--room", required=True, help="The room that the token opens.")
@click.option("--participant", required=True, help="The identity that it gives.")
@click.option(
    "--ttl", default="6h", show_default=True, help="How long it is valid: 90s, 30m, 6h, 2d."
)
@click.option("--publish", type=bool, default=True, help="May publish tracks and data.")
@click.option("--subscribe", type=bool, default=True, help="May subscribe to tracks.")
@click.option("--join", type=bool, default=True, help="May join the room.")
@click.option("--list", "list_", type=bool, default=True, help="May list rooms.")
def create_token(
    key: str,
    secret: str,
    room: str,
    participant: str,
    ttl: str,
    publish: bool,
    subscribe: bool,
    join: bool,
    list_: bool,
) -> None:
    """Print an access token, and nothing else. Every grant is on unless switched off."""
    if secret == "-":
        secret = sys.stdin.readline().strip()
    for name, value in (
        ("key", key),
        ("secret", secret),
        ("room", room),
        ("participant", participant),
    ):
        if not value:
            raise UsageError(f"--{name} must not be empty.", "Name it.")
    grants = Grants(
        room=room,
        room_join=join,
        room_list=list_,
        can_publish=publish,
        can_subscribe=subscribe,
        can_update_own_metadata=True,
    )
    click.echo(make_token(key, secret, grants, identity=participant, ttl=parse_ttl(ttl)))


def parse_ttl(text: str) -> float:
    """Seconds of a duration such as ``90``, ``90s``, ``30m``, ``6h``, ``1h30m`` or ``2d``.

    Raises:
        UsageError: It is none, or not longer than zero.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip().lower())
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != text.strip().lower() or seconds < 1:
        raise UsageError(f"{text!r} is no duration.", "Write it like 90s, 30m, 6h or 2d.")
    return seconds
