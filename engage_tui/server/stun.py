"""The lite side of ICE: STUN binding requests (RFC 8489, 8445) read, checked, answered and made. No sockets."""

from __future__ import annotations

import hmac
import socket
import struct
import zlib
from dataclasses import dataclass

_COOKIE = b"\x21\x12\xa4\x42"
_REQUEST, _SUCCESS = b"\x00\x01", b"\x01\x01"
_USERNAME, _INTEGRITY, _XOR_ADDRESS, _USE_CANDIDATE, _FINGERPRINT = 0x06, 0x08, 0x20, 0x25, 0x8028
_PRIORITY, _CONTROLLED = 0x24, 0x8029
_PRFLX_PRIORITY = (110 << 24) + (65535 << 8) + 255  # of a peer-reflexive candidate
_FINGERPRINT_XOR = 0x5354554E
_ATTRIBUTE = struct.Struct("!HH")

Address = tuple[str, int] | tuple[str, int, str]
"""An IP address and a port; of a TCP connection a third part says so."""

_MAPPED = "::ffff:"  # how a socket for both families sees IPv4 peers


@dataclass(frozen=True, slots=True)
class BindingRequest:
    """A connectivity check.

    Attributes:
        local_ufrag: Whom it is for: the first half of the username.
        nominates: The peer chose this pair (USE-CANDIDATE).
    """

    data: bytes
    local_ufrag: str
    nominates: bool
    integrity_at: int

    @property
    def transaction(self) -> bytes:
        """The magic cookie and the transaction id, to be echoed."""
        return self.data[4:20]

    def is_signed_by(self, password: str) -> bool:
        """Whether MESSAGE-INTEGRITY was made with `password`."""
        at = self.integrity_at
        signed = self.data[:2] + struct.pack("!H", at + 4) + self.data[4:at]
        return hmac.compare_digest(_sign(password, signed), self.data[at + 4 : at + 24])


def parse_request(data: bytes) -> BindingRequest | None:
    """Read a binding request that carries a username and an integrity check; None for anything else."""
    if len(data) < 20 or data[:2] != _REQUEST or data[4:8] != _COOKIE:
        return None
    username = ""
    nominates = False
    at = 20
    while at + 4 <= len(data):
        kind, size = _ATTRIBUTE.unpack_from(data, at)
        if at + 4 + size > len(data):
            return None
        if kind == _INTEGRITY:
            if size != 20 or not username:
                return None
            return BindingRequest(data, username.partition(":")[0], nominates, at)
        if kind == _USERNAME:
            username = data[at + 4 : at + 4 + size].decode("utf-8", "replace")
        elif kind == _USE_CANDIDATE:
            nominates = True
        at += 4 + size + -size % 4
    return None


def build_response(request: BindingRequest, address: Address, password: str) -> bytes:
    """The success response that tells `address` to its owner, signed with our password."""
    host = address[0].removeprefix(_MAPPED)
    family = 2 if ":" in host else 1
    raw = socket.inet_pton(socket.AF_INET6 if family == 2 else socket.AF_INET, host)
    masked = bytes(a ^ b for a, b in zip(raw, request.transaction, strict=False))
    body = (
        struct.pack("!HHBBH", _XOR_ADDRESS, 4 + len(raw), 0, family, address[1] ^ 0x2112) + masked
    )
    return _sealed(_SUCCESS, request.transaction, body, password)


def build_request(username: str, password: str, transaction: bytes) -> bytes:
    """A connectivity check of ours, the controlled side; `transaction` are 12 bytes that nobody can guess."""
    name = username.encode()
    body = _ATTRIBUTE.pack(_USERNAME, len(name)) + name + bytes(-len(name) % 4)
    body += struct.pack("!HHI", _PRIORITY, 4, _PRFLX_PRIORITY)
    body += _ATTRIBUTE.pack(_CONTROLLED, 8) + transaction[:8]
    return _sealed(_REQUEST, _COOKIE + transaction, body, password)


def answered_transaction(data: bytes) -> bytes | None:
    """The transaction id of a success response to a check of ours; None for anything else."""
    if len(data) < 20 or data[:2] != _SUCCESS or data[4:8] != _COOKIE:
        return None
    return data[8:20]


def _sealed(kind: bytes, transaction: bytes, body: bytes, password: str) -> bytes:
    """A message with its integrity and its fingerprint; `transaction` begins with the cookie."""
    head = kind + struct.pack("!H", len(body) + 24) + transaction
    body += _ATTRIBUTE.pack(_INTEGRITY, 20) + _sign(password, head + body)
    head = kind + struct.pack("!H", len(body) + 8) + transaction
    check = (zlib.crc32(head + body) & 0xFFFFFFFF) ^ _FINGERPRINT_XOR
    return head + body + struct.pack("!HHI", _FINGERPRINT, 4, check)


def _sign(password: str, data: bytes) -> bytes:
    return hmac.digest(password.encode(), data, "sha1")
