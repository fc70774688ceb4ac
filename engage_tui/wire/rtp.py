"""RTP packets (RFC 3550, 8285) read; VP8 (RFC 7741) and H.264 (RFC 6184) payloads looked into, not decoded."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

HEADER = struct.Struct("!BBHII")
"""Version and flags, marker and payload type, sequence number, timestamp, SSRC."""

MARKER = 0x80
"""The marker bit within the header's second byte."""

_ONE_BYTE = 0xBEDE
_TWO_BYTE = 0x1000
_H264_STAP_A, _H264_FU_A = 24, 28
_H264_KEY_UNITS = (5, 7)  # an IDR slice, a sequence parameter set


class RtpPacket(
    msgspec.Struct, gc=False
):  # made for each packet: a dataclass takes five times as long
    """A received packet, padding taken off.

    Attributes:
        marker: `MARKER` or 0, ready to be combined with a payload type.
        extension_profile: 0 if the packet has no header extension.
        extension: The extension's bytes; see `extensions`.
        payload: Empty for packets that only pad (probing).
        keyframe: A decoder can start here; `parse` does not look, see `is_keyframe`.
        spatial: Its layer within the stream (VP9, AV1); `parse` does not look either.
        ends: It ends that layer's part of the picture.
        descriptor: AV1's dependency descriptor, where the packet has one.
        temporal: Its temporal layer within the stream (VP9, AV1).
        opens: A receiver may begin higher temporal layers with it (VP9, AV1).
        joins: It begins a layer of a picture whose smaller layers came before (AV1).
    """

    payload_type: int
    marker: int
    sequence: int
    timestamp: int
    ssrc: int
    extension_profile: int
    extension: bytes
    payload: bytes
    keyframe: bool = False
    spatial: int = 0
    ends: bool = False
    descriptor: bytes | None = None
    temporal: int = 0
    opens: bool = False
    joins: bool = False


def parse(data: bytes) -> RtpPacket | None:
    """Read an RTP packet; None if it is malformed."""
    size = len(data)
    if size < 12:
        return None
    flags, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    if flags >> 6 != 2:
        return None
    start = 12 + 4 * (flags & 0x0F)
    profile, extension = 0, b""
    if flags & 0x10:
        if start + 4 > size:
            return None
        profile = data[start] << 8 | data[start + 1]
        end = start + 4 + 4 * (data[start + 2] << 8 | data[start + 3])
        extension = data[start + 4 : end]
        start = end
    stop = size - data[-1] if flags & 0x20 else size
    if start > size or stop < start or (flags & 0x20 and data[-1] == 0):
        return None
    return RtpPacket(
        second & 0x7F,
        second & MARKER,
        sequence,
        timestamp,
        ssrc,
        profile,
        extension,
        data[start:stop],
    )


def extensions(profile: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements ``(id, value)`` of a header extension, one-byte or two-byte form; stops at nonsense."""
    size = len(data)
    at = 0
    if profile == _ONE_BYTE:
        while at < size:
            head = data[at]
            if head == 0:  # padding
                at += 1
                continue
            number, length = head >> 4, (head & 0x0F) + 1
            if number == 15 or at + 1 + length > size:
                return
            yield number, data[at + 1 : at + 1 + length]
            at += 1 + length
    elif profile & 0xFFF0 == _TWO_BYTE:
        while at < size:
            if data[at] == 0:
                at += 1
                continue
            if at + 1 >= size or at + 2 + data[at + 1] > size:
                return
            yield data[at], data[at + 2 : at + 2 + data[at + 1]]
            at += 2 + data[at + 1]


def extension(profile: int, data: bytes, wanted: int) -> bytes | None:
    """The element `wanted` of a header extension; None if it is not there."""
    if (
        profile == _ONE_BYTE and data and data[0] >> 4 == wanted
    ):  # the first, as it nearly always is
        end = (data[0] & 0x0F) + 2
        return data[1:end] if end <= len(data) else None
    return next((value for number, value in extensions(profile, data) if number == wanted), None)


def is_newer(one: int, other: int) -> bool:
    """Whether 16-bit sequence number `one` comes after `other`, the wrap included."""
    return 0 < (one - other) & 0xFFFF < 0x8000


class Vp8Descriptor(NamedTuple):
    """Where things are in a VP8 payload.

    Attributes:
        size: Bytes of the descriptor; the VP8 data follows.
        starts_frame: This packet holds the beginning of a frame.
        picture_id: 7 or 15 bits, or None.
        picture_id_at: Its offset; 0 if absent.
        picture_id_wide: It has 15 bits.
        tl0_at: Offset of TL0PICIDX; 0 if absent.
        temporal: The temporal layer; 0 if unsaid.
        sync: The frame needs nothing but the lowest temporal layer.
    """

    size: int
    starts_frame: bool
    picture_id: int | None = None
    picture_id_at: int = 0
    picture_id_wide: bool = False
    tl0_at: int = 0
    temporal: int = 0
    sync: bool = False


def parse_vp8(payload: bytes) -> Vp8Descriptor | None:
    """Read the descriptor of a VP8 payload; None if it is cut short (or empty: padding)."""
    try:
        first = payload[0]
        starts = bool(first & 0x10) and not first & 0x07
        if not first & 0x80:
            return Vp8Descriptor(1, starts)
        flags, at = payload[1], 2
        picture_id: int | None = None
        picture_id_at = tl0_at = 0
        wide = False
        if flags & 0x80:
            picture_id_at, wide = at, bool(payload[at] & 0x80)
            picture_id = payload[at] & 0x7F
            if wide:
                picture_id = picture_id << 8 | payload[at + 1]
            at += 2 if wide else 1
        if flags & 0x40:
            tl0_at = at
            at += 1
        temporal, sync = 0, False
        if flags & 0x30:
            if flags & 0x20:
                temporal, sync = payload[at] >> 6, bool(payload[at] & 0x20)
            at += 1
        if at > len(payload):
            return None
    except IndexError:
        return None
    return Vp8Descriptor(at, starts, picture_id, picture_id_at, wide, tl0_at, temporal, sync)


def vp8_data(payload: bytes) -> bytes:
    """What follows the descriptor of a VP8 payload; looks at no more of it than that takes.

    Raises:
        ValueError: The descriptor is cut short.
    """
    at = _vp8_size(payload)
    if at > len(payload):
        raise ValueError("a VP8 descriptor is cut short")
    return payload[at:]


def _vp8_size(payload: bytes) -> int:
    """Bytes of a VP8 payload's descriptor; more than there are where it is cut short."""
    try:
        at = 1
        if payload[0] & 0x80:
            flags, at = payload[1], 2
            if flags & 0x80:
                at += 2 if payload[at] & 0x80 else 1
            if flags & 0x40:
                at += 1
            if flags & 0x30:
                at += 1
    except IndexError:
        return len(payload) + 1
    return at


def rewrite_vp8(payload: bytes, at: Vp8Descriptor, picture_id: int, tl0: int) -> bytes:
    """The payload with another 15-bit picture id and TL0PICIDX, as far as it has them wide enough."""
    changed = bytearray(payload)
    if at.picture_id_wide:
        changed[at.picture_id_at] = 0x80 | picture_id >> 8 & 0x7F
        changed[at.picture_id_at + 1] = picture_id & 0xFF
    if at.tl0_at:
        changed[at.tl0_at] = tl0 & 0xFF
    return bytes(changed)


def is_keyframe(codec: str, payload: bytes) -> bool:
    """Whether a decoder can start at this packet.

    Args:
        codec: ``VP8`` or ``H264``, any case; any other codec is taken to start anywhere.
        payload: The RTP payload; may be empty.
    """
    return keyframe_test(codec)(payload)


def keyframe_test(codec: str) -> Callable[[bytes], bool]:
    """What `is_keyframe` does for packets of that codec."""
    return {"VP8": _vp8_keyframe, "H264": _h264_keyframe}.get(codec.upper(), bool)


def _vp8_keyframe(payload: bytes) -> bool:
    if not payload or payload[0] & 0x17 != 0x10:
        return False  # in the middle of a frame, as most packets are
    at = _vp8_size(payload)
    return at < len(payload) and not payload[at] & 0x01


def _h264_keyframe(payload: bytes) -> bool:
    if len(payload) < 2:
        return False
    unit = payload[0] & 0x1F
    if unit == _H264_STAP_A:
        return len(payload) > 3 and payload[3] & 0x1F in _H264_KEY_UNITS
    if unit == _H264_FU_A:
        return bool(payload[1] & 0x80) and payload[1] & 0x1F in _H264_KEY_UNITS
    return unit in _H264_KEY_UNITS
