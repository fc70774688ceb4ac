"""The server's DTLS identity: a certificate made at start, its fingerprint, and the profiles that SRTP may use."""

from __future__ import annotations

import datetime
import secrets
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from pylibsrtp import Error, Policy

_CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
    b"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA"
)
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha-256": hashes.SHA256(),
    "sha-384": hashes.SHA384(),
    "sha-512": hashes.SHA512(),
}


@dataclass(frozen=True, slots=True)
class SrtpProfile:
    """A protection profile: its names in OpenSSL and libsrtp, and the sizes of its keys in bytes."""

    name: bytes
    libsrtp: int
    key: int
    salt: int

    def key_and_salt(self, material: bytes, side: int) -> bytes:
        """The master key and salt of side 0 (DTLS client) or 1 (server) out of the exported material."""
        key = material[side * self.key : (side + 1) * self.key]
        salts = material[2 * self.key :]
        return key + salts[side * self.salt : (side + 1) * self.salt]


def _available(profile: SrtpProfile) -> bool:
    try:
        Policy(srtp_profile=profile.libsrtp)
    except Error:  # this libsrtp was built without AES-GCM
        return False
    return True


PROFILES = [
    profile
    for profile in (
        SrtpProfile(b"SRTP_AEAD_AES_128_GCM", Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
        SrtpProfile(b"SRTP_AEAD_AES_256_GCM", Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12),
        SrtpProfile(b"SRTP_AES128_CM_SHA1_80", Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
    )
    if _available(profile)
]
"""What we accept, the cheapest first: AES-GCM costs less than SHA-1 on small packets."""


class Certificate:
    """A self-signed P-256 certificate, valid for a month, and the DTLS context that shows it.

    Attributes:
        context: For `OpenSSL.SSL.Connection`; peers are verified by their fingerprint, not by a chain.
        fingerprint: ``sha-256 AB:CD:…`` for session descriptions.
    """

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, secrets.token_hex(16))])
        now = datetime.datetime.now(tz=datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .sign(key, hashes.SHA256())
        )
        self.context = SSL.Context(SSL.DTLS_METHOD)
        self.context.set_options(SSL.OP_NO_TICKET)
        self.context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        self.context.use_certificate(certificate)
        self.context.use_privatekey(key)
        self.context.set_cipher_list(_CIPHERS)
        self.context.set_tlsext_use_srtp(b":".join(profile.name for profile in PROFILES))
        self.fingerprint = f"sha-256 {certificate.fingerprint(hashes.SHA256()).hex(':').upper()}"


def matches(certificate: x509.Certificate, fingerprint: str) -> bool:
    """Whether `certificate` has the `fingerprint` of a session description (``sha-256 AB:…``)."""
    algorithm, _, value = fingerprint.partition(" ")
    digest = _HASHES.get(algorithm.lower())
    if digest is None:
        return False
    return certificate.fingerprint(digest).hex(":").upper() == value.strip().upper()
