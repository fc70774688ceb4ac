"""Two machines in one: network namespaces joined by a cable, with filters in between. Linux, as root."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVER, CLIENT = "10.77.0.1", "10.77.0.2"
SERVER6, CLIENT6 = "fd77::1", "fd77::2"
OTHER_SERVER, OTHER_CLIENT = "10.78.0.1", "10.78.0.2"

_cables = itertools.count()


@dataclass(frozen=True, slots=True)
class Cable:
    """Two namespaces.

    Attributes:
        server: Name of the one that has `SERVER` and `SERVER6`.
        client: Name of the other.
    """

    server: str
    client: str

    def command(self, place: str, *words: str) -> list[str]:
        """A command as it runs in one of them."""
        return ["ip", "netns", "exec", place, *words]

    def block(self, *rules: str) -> None:
        """Drop what comes over the cable to the server and matches any of these nft expressions; earlier ones go."""
        lines = ["flush ruleset", "table inet f {", "chain i { type filter hook input priority 0;"]
        lines += [f'iifname "cable" {rule} drop' for rule in rules]
        run(*self.command(self.server, "nft", "-f", "-"), text="\n".join([*lines, "}", "}"]))

    def narrow(self, rate: str = "") -> None:
        """Let the cable carry to the client what `rate` says (such as ``500kbit``), with a queue; all again without."""
        words = ("ip", "netns", "exec", self.server, "tc", "qdisc")
        if rate:
            shape = ("tbf", "rate", rate, "burst", "10kb", "latency", "400ms")
            run(*words, "replace", "dev", "cable", "root", *shape)
        else:
            run(*words, "del", "dev", "cable", "root")

    def readdress(self, address: str) -> None:
        """Take the client's IPv4 address away and give it another one, of the same network."""
        run("ip", "-n", self.client, "-4", "addr", "flush", "dev", "cable")
        run("ip", "-n", self.client, "addr", "add", f"{address}/24", "dev", "cable")

    def forget_ipv4(self) -> None:
        """From now on both sides have IPv6 addresses alone."""
        for place in (self.server, self.client):
            run("ip", "-n", place, "-4", "addr", "flush", "dev", "cable")

    def pull(self) -> None:
        """Pull the cable on the client's side; its address stays."""
        run("ip", "-n", self.client, "link", "set", "cable", "down")

    def plug_another(self) -> None:
        """Join the two by a second cable with other addresses; by that the client then reaches the server too."""
        add_cable(self, "second", (OTHER_SERVER,), (OTHER_CLIENT,))
        run("ip", "-n", self.client, "route", "add", "default", "via", OTHER_SERVER)


def add_cable(both: Cable, name: str, server: tuple[str, ...], client: tuple[str, ...]) -> None:
    """Join the two namespaces by a cable with these addresses at its ends."""
    run(
        *("ip", "-n", both.server, "link", "add", name, "type", "veth"),
        *("peer", "name", name, "netns", both.client),
    )
    for place, addresses in ((both.server, server), (both.client, client)):
        for address in addresses:
            version6 = ":" in address
            words = [f"{address}/64", "nodad"] if version6 else [f"{address}/24"]
            run("ip", "-n", place, "addr", "add", words[0], "dev", name, *words[1:])
        run("ip", "-n", place, "link", "set", name, "up")


def available() -> bool:
    """Whether namespaces and filters can be made here."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "nft"))):
        return False
    name = f"try{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        return False
    try:
        listing = ["ip", "netns", "exec", name, "nft", "list", "ruleset"]
        return subprocess.run(listing, capture_output=True, check=False).returncode == 0
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


def run(*words: str, text: str = "") -> str:
    """Run a command that must work."""
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


@contextmanager
def cable() -> Iterator[Cable]:
    """Make the two namespaces; gone with everything in them when the context is left."""
    name = f"{os.getpid()}-{next(_cables)}"
    both = Cable(f"server{name}", f"client{name}")
    try:
        for place in (both.server, both.client):
            run("ip", "netns", "add", place)
            run("ip", "-n", place, "link", "set", "lo", "up")
        add_cable(both, "cable", (SERVER, SERVER6), (CLIENT, CLIENT6))
        yield both
    finally:
        for place in (both.server, both.client):
            subprocess.run(["ip", "netns", "del", place], capture_output=True, check=False)


def said_by(command: Sequence[str], *, timeout: float, **environment: str) -> dict[str, Any]:
    """Run a program of the tests to its end; the JSON in its last line.

    Args:
        command: Of `Cable.command`.
        timeout: Seconds that it may take.
        environment: Variables beside those of the tests.
    """
    done = subprocess.run(
        command,
        env=os.environ | environment,
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(said)
    return said
