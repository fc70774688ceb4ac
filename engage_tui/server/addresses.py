"""Which addresses the server binds and announces."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

from engage_tui.errors import UsageError

_HOST, _TCP = 126, 90  # type preferences: UDP first


def family_of(host: str) -> socket.AddressFamily:
    """IPv6 for addresses that look like it, else IPv4."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def resolve(bind: str) -> str:
    """The address that a name or an address stands for, IPv4 before IPv6.

    Raises:
        UsageError: It stands for none.
    """
    families = [socket.AF_INET6] if ":" in bind else [socket.AF_INET, socket.AF_INET6]
    for family in families:
        try:
            return str(socket.getaddrinfo(bind, None, family)[0][4][0])
        except OSError:
            continue
    raise UsageError(
        f"{bind!r} is no address that can be bound.", "Use an IPv4 or IPv6 address of this machine."
    )


def listening(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """A bound, non-blocking socket; ``::`` takes IPv4 too.

    Raises:
        OSError: The address or the port cannot be had.
    """
    made = socket.socket(family_of(host), kind)
    try:
        if made.family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != "::"))
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setblocking(False)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


def announced(host: str, node_ips: Sequence[str] = ()) -> list[str]:
    """The addresses at which a server bound to `host` is reached, the best first, this machine's own last.

    Args:
        host: The bound address; ``0.0.0.0`` and ``::`` stand for all of the machine's.
        node_ips: Addresses by which others reach it (``--node-ip``): they come first.
    """
    hosts = [host]
    if ipaddress.ip_address(host).is_unspecified:
        from aioice.ice import get_host_addresses  # loads a resolver; only a public server needs it

        six = host == "::"
        hosts = [
            *get_host_addresses(use_ipv4=True, use_ipv6=six),
            "127.0.0.1",
            *(["::1"] if six else []),
        ]
    # Link-local addresses mean nothing without the interface, which a candidate cannot name.
    hosts = [each for each in hosts if not ipaddress.ip_address(each).is_link_local]
    return list(dict.fromkeys([*node_ips, *hosts]))


def candidates(hosts: Sequence[str], udp: int, tcp: int) -> list[str]:
    """The ``a=candidate`` values of two ports; 0 leaves one out."""
    lines = []
    for place, host in enumerate(hosts, start=1):
        local = 65535 - place
        if udp:
            lines.append(f"{place} 1 udp {_priority(_HOST, local)} {host} {udp} typ host")
        if tcp:
            lines.append(
                f"{place + len(hosts)} 1 tcp {_priority(_TCP, local)} {host} {tcp} typ host tcptype passive"
            )
    return lines


def _priority(kind: int, local: int) -> int:
    return (kind << 24) + (local << 8) + 255


def checked_node_ips(texts: Sequence[str]) -> tuple[str, ...]:
    """The addresses in a normal form.

    Raises:
        UsageError: One is no IP address.
    """
    found = []
    for text in texts:
        try:
            found.append(str(ipaddress.ip_address(text)))
        except ValueError as error:
            raise UsageError(
                f"{text!r} is no IP address.", "--node-ip takes addresses such as 203.0.113.7."
            ) from error
    return tuple(found)
