"""Two machines in one: network namespaces joined by a cable, with filters in between. Linux, as root."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SERVER, CLIENT = "10.77.0.1", "10.77.0.2"
SERVER6, CLIENT6 = "fd77::1", "fd77::2"


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
    both = Cable(f"server{os.getpid()}", f"client{os.getpid()}")
    try:
        for place in (both.server, both.client):
            run("ip", "netns", "add", place)
            run("ip", "-n", place, "link", "set", "lo", "up")
        run(
            *("ip", "-n", both.server, "link", "add", "cable", "type", "veth"),
            *("peer", "name", "cable", "netns", both.client),
        )
        for place, addresses in (
            (both.server, (f"{SERVER}/24", f"{SERVER6}/64")),
            (both.client, (f"{CLIENT}/24", f"{CLIENT6}/64")),
        ):
            for address in addresses:
                nodad = ["nodad"] if ":" in address else []
                run("ip", "-n", place, "addr", "add", address, "dev", "cable", *nodad)
            run("ip", "-n", place, "link", "set", "cable", "up")
        yield both
    finally:
        for place in (both.server, both.client):
            subprocess.run(["ip", "netns", "del", place], capture_output=True, check=False)
