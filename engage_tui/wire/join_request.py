"""The ``join_request`` parameter of the v1 signalling path: everything that a client asks for in its address."""

from __future__ import annotations

import base64
import binascii
import zlib

from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc

from engage_tui.errors import EngageError
from engage_tui.wire.signal import SignalOptions

MAX_JOIN_REQUEST = 1024 * 1024
"""Bytes of the largest request once unpacked, as in livekit-server."""

_GZIP = 16 + zlib.MAX_WBITS


class JoinRequestError(EngageError):
    """A ``join_request`` parameter cannot be read."""


def parse_join_request(text: str) -> rtc.JoinRequest:
    """Read the parameter: base64url, then a wrapper, then perhaps gzip, then the request.

    Raises:
        JoinRequestError: It is missing, malformed or too large.
    """
    if not text:
        raise JoinRequestError("join_request is required")
    wrapped, request = rtc.WrappedJoinRequest(), rtc.JoinRequest()
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        wrapped.ParseFromString(data)
        data = wrapped.join_request
        if wrapped.compression == rtc.WrappedJoinRequest.GZIP:
            data = _unpack(data)
        request.ParseFromString(data)
    except (binascii.Error, ValueError, DecodeError, zlib.error) as error:
        raise JoinRequestError("join_request cannot be read") from error
    return request


def build_join_request(request: rtc.JoinRequest) -> str:
    """The parameter for `request`, uncompressed."""
    wrapped = rtc.WrappedJoinRequest(join_request=request.SerializeToString())
    return base64.urlsafe_b64encode(wrapped.SerializeToString()).decode()


def request_for(options: SignalOptions, offer: rtc.SessionDescription | None) -> rtc.JoinRequest:
    """The request that says what a v0 query would, and brings the first offer.

    Args:
        options: What the client says of itself.
        offer: What its one connection carries; None to resume a session.
    """
    request = rtc.JoinRequest(
        client_info=models.ClientInfo(
            sdk=options.sdk.upper(),
            version=options.version,
            protocol=options.protocol,
            client_protocol=options.client_protocol,
        ),
        connection_settings=rtc.ConnectionSettings(
            auto_subscribe=options.auto_subscribe, adaptive_stream=options.adaptive_stream
        ),
        publisher_offer=offer,
    )
    if options.reconnect_sid:
        request.reconnect = True
        request.participant_sid = options.reconnect_sid
    return request


def options_of(request: rtc.JoinRequest) -> SignalOptions:
    """What the request says of the client, as a v0 query would."""
    client, settings = request.client_info, request.connection_settings
    known = models.ClientInfo.SDK.DESCRIPTOR.values_by_number.get(client.sdk)
    names = models.ClientInfo.Capability.DESCRIPTOR.values_by_number
    return SignalOptions(
        auto_subscribe=settings.auto_subscribe,
        adaptive_stream=settings.adaptive_stream,
        sdk=known.name.lower() if known is not None else "",
        version=client.version[:32],
        protocol=client.protocol,
        client_protocol=client.client_protocol,
        capabilities=tuple(
            names[number].name for number in client.capabilities[:16] if number in names
        ),
        reconnect_sid=request.participant_sid[:64] if request.reconnect else "",
        single=True,
    )


def _unpack(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    unpacked = unpacker.decompress(data, MAX_JOIN_REQUEST + 1)
    if len(unpacked) > MAX_JOIN_REQUEST or not unpacker.eof:
        raise ValueError("too large, or cut short")
    return unpacked
