"""RTCP (RFC 3550, 3611, 4585, transport-wide congestion control) as both ends need it: built and read as bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

SENDER_REPORT, RECEIVER_REPORT, TRANSPORT_FEEDBACK, PAYLOAD_FEEDBACK = 200, 201, 205, 206
EXTENDED_REPORT = 207
"""Packet types."""

NACK, TRANSPORT_CC = 1, 15
"""Formats of `TRANSPORT_FEEDBACK`."""

PLI, FIR, REMB = 1, 4, 15
"""Formats of `PAYLOAD_FEEDBACK`."""

MAX_NACKED = 1024
"""Sequence numbers that are read from one NACK at most."""

_HEADER = struct.Struct("!BBH")
_REFERENCE_TIME, _REFERENCE_ANSWER = 4, 5  # blocks of an extended report
_SENDER_SSRC = 1  # of our feedback: we send no media of our own, so any number does


class RtcpPart(NamedTuple):
    """One packet of a compound.

    Attributes:
        kind: The packet type.
        format: The count or feedback format, 5 bits.
        body: What follows the first four bytes.
    """

    kind: int
    format: int
    body: bytes


class SenderReport(NamedTuple):
    """The part of a sender report that ties RTP time to wall time.

    Attributes:
        ntp: 64-bit NTP time.
        rtp: The RTP timestamp of the same instant.
    """

    ssrc: int
    ntp: int
    rtp: int


class Reception(NamedTuple):
    """One block of a receiver report.

    Attributes:
        fraction_lost: In 1/256 since the report before.
        lost: Since the start; clamped to 24 bits.
        highest: Extended highest sequence number.
        jitter: In timestamp units.
        last_report: The middle 32 bits of the last sender report's NTP time.
        delay: Since that report, in 1/65536 s.
    """

    ssrc: int
    fraction_lost: int
    lost: int
    highest: int
    jitter: int
    last_report: int
    delay: int


def parse(data: bytes) -> Iterator[RtcpPart]:
    """The packets of a compound; ends at the first malformed one."""
    at = 0
    while at + 4 <= len(data):
        first, kind, words = _HEADER.unpack_from(data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            return
        yield RtcpPart(kind, first & 0x1F, data[at + 4 : end])
        at = end


def parse_sender_report(body: bytes) -> SenderReport | None:
    """Read a sender report's body; None if it is cut short."""
    if len(body) < 16:
        return None
    ssrc, ntp, timestamp = struct.unpack_from("!IQI", body)
    return SenderReport(ssrc, ntp, timestamp)


def parse_nack(body: bytes) -> tuple[int, list[int]] | None:
    """The media SSRC and the sequence numbers that a NACK's body asks for, at most `MAX_NACKED`."""
    if len(body) < 12:
        return None
    ssrc = int.from_bytes(body[4:8], "big")
    numbers: list[int] = []
    for at in range(8, len(body) - 3, 4):
        first, mask = struct.unpack_from("!HH", body, at)
        numbers.append(first)
        numbers += [(first + bit + 1) & 0xFFFF for bit in range(16) if mask >> bit & 1]
        if len(numbers) >= MAX_NACKED:
            break
    return ssrc, numbers[:MAX_NACKED]


def parse_keyframe_requests(part: RtcpPart) -> list[int]:
    """The SSRCs of which a PLI or FIR wants a keyframe; empty for anything else."""
    if part.kind != PAYLOAD_FEEDBACK or len(part.body) < 8:
        return []
    if part.format == PLI:
        return [int.from_bytes(part.body[4:8], "big")]
    if part.format == FIR:
        return [
            int.from_bytes(part.body[at : at + 4], "big")
            for at in range(8, min(len(part.body) - 7, 8 + 8 * 32), 8)
        ]
    return []


def build_reference_time(ssrc: int, ntp: int) -> bytes:
    """An extended report that asks for the round trip: the answer names the middle 32 bits of `ntp`."""
    return _packet(EXTENDED_REPORT, 0, struct.pack("!IBBHQ", ssrc, _REFERENCE_TIME, 0, 2, ntp))


def parse_reference_time(body: bytes) -> tuple[int, int] | None:
    """Who asks for the round trip, and the middle 32 bits of its time; None where nobody does."""
    for kind, block in _extended_blocks(body):
        if kind == _REFERENCE_TIME and len(block) == 8:
            return int.from_bytes(body[:4], "big"), int.from_bytes(block[2:6], "big")
    return None


def build_reference_answer(ssrc: int, asker: int, reference: int, delay: int = 0) -> bytes:
    """The answer to `build_reference_time`, `delay` later (1/65536 s)."""
    body = struct.pack("!IBBHIII", ssrc, _REFERENCE_ANSWER, 0, 3, asker, reference, delay)
    return _packet(EXTENDED_REPORT, 0, body)


def parse_reference_answer(body: bytes, asker: int) -> tuple[int, int] | None:
    """The reference time that is answered to `asker` and the delay since, as they were built; None without."""
    for kind, block in _extended_blocks(body):
        if kind != _REFERENCE_ANSWER:
            continue
        for at in range(0, len(block) - 11, 12):
            ssrc, reference, delay = struct.unpack_from("!III", block, at)
            if ssrc == asker:
                return reference, delay
    return None


def _extended_blocks(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 4
    while at + 4 <= len(body):
        kind, _, words = _HEADER.unpack_from(body, at)
        end = at + 4 + 4 * words
        if end > len(body):
            return
        yield kind, body[at + 4 : end]
        at = end


def parse_receptions(part: RtcpPart) -> list[Reception]:
    """The blocks of a sender or receiver report; empty for anything else."""
    start = {SENDER_REPORT: 24, RECEIVER_REPORT: 4}.get(part.kind)
    if start is None:
        return []
    blocks = []
    for at in range(start, min(len(part.body) - 23, start + 24 * part.format), 24):
        ssrc, loss, highest, jitter, last, delay = struct.unpack_from("!IIIIII", part.body, at)
        lost = (loss & 0xFFFFFF) - ((loss & 0x800000) << 1)
        blocks.append(Reception(ssrc, loss >> 24, lost, highest, jitter, last, delay))
    return blocks


def parse_estimate(part: RtcpPart) -> int | None:
    """What the receiver believes that its link carries, in bits a second (REMB); None for anything else."""
    body = part.body
    if (part.kind, part.format) != (PAYLOAD_FEEDBACK, REMB) or len(body) < 16:
        return None
    if body[8:12] != b"REMB":
        return None
    return ((body[13] & 0x03) << 16 | body[14] << 8 | body[15]) << (body[13] >> 2)


def build_nack(ssrc: int, numbers: Sequence[int], sender: int = _SENDER_SSRC) -> bytes:
    """Ask, in the name of the SSRC `sender`, for the packets `numbers` (ascending, may wrap) of `ssrc`."""
    pairs: list[list[int]] = []
    for number in numbers:
        distance = (number - pairs[-1][0]) & 0xFFFF if pairs else 0
        if pairs and 1 <= distance <= 16:
            pairs[-1][1] |= 1 << (distance - 1)
        else:
            pairs.append([number, 0])
    entries = b"".join(struct.pack("!HH", first, mask) for first, mask in pairs)
    return _packet(TRANSPORT_FEEDBACK, NACK, struct.pack("!II", sender, ssrc) + entries)


def build_pli(ssrc: int) -> bytes:
    """Ask for a keyframe of `ssrc`."""
    return _packet(PAYLOAD_FEEDBACK, PLI, struct.pack("!II", _SENDER_SSRC, ssrc))


def build_sender_report(report: SenderReport, packets: int, octets: int) -> bytes:
    """A sender report without reception blocks."""
    body = struct.pack(
        "!IQIII",
        report.ssrc,
        report.ntp,
        report.rtp & 0xFFFFFFFF,
        packets & 0xFFFFFFFF,
        octets & 0xFFFFFFFF,
    )
    return _packet(SENDER_REPORT, 0, body)


def build_receiver_report(blocks: Sequence[Reception]) -> bytes:
    """A receiver report of up to 31 streams."""
    body = struct.pack("!I", _SENDER_SSRC)
    for block in blocks[:31]:
        lost = max(-0x800000, min(0x7FFFFF, block.lost)) & 0xFFFFFF
        body += struct.pack(
            "!IIIIII",
            block.ssrc,
            (block.fraction_lost & 0xFF) << 24 | lost,
            block.highest & 0xFFFFFFFF,
            block.jitter & 0xFFFFFFFF,
            block.last_report,
            block.delay & 0xFFFFFFFF,
        )
    return _packet(RECEIVER_REPORT, len(blocks[:31]), body)


def build_transport_cc(ssrc: int, counter: int, arrivals: Sequence[tuple[int, float]]) -> bytes:
    """Transport-wide feedback: when each packet arrived.

    Args:
        ssrc: Any media SSRC of the sender.
        counter: Of feedback packets sent, 8 bits.
        arrivals: ``(sequence, seconds)`` with ascending unwrapped sequence numbers; holes were lost.

    Raises:
        ValueError: `arrivals` is empty or spans too many packets for one feedback.
    """
    if not arrivals or arrivals[-1][0] - arrivals[0][0] >= 0x4000:
        raise ValueError("no arrivals, or too many for one feedback packet")
    first = arrivals[0][0]
    reference = int(arrivals[0][1] * 1000 / 64)
    before = reference * 256  # 64 ms in units of 250 us
    symbols: list[int] = []
    deltas = bytearray()
    expected = first
    for sequence, seconds in arrivals:
        if sequence != expected:
            symbols += [0] * (sequence - expected)
        expected = sequence + 1
        delta = int(seconds * 4000) - before
        if 0 <= delta < 256:
            symbols.append(1)
            deltas.append(delta)
        else:
            delta = max(-32768, min(32767, delta))
            symbols.append(2)
            deltas += struct.pack("!h", delta)
        before += delta
    body = struct.pack("!IIHH", _SENDER_SSRC, ssrc, first & 0xFFFF, len(symbols))
    body += ((reference & 0xFFFFFF) << 8 | counter & 0xFF).to_bytes(4, "big")
    return _packet(TRANSPORT_FEEDBACK, TRANSPORT_CC, body + _status_chunks(symbols) + deltas)


def _status_chunks(symbols: Sequence[int]) -> bytes:
    """Run-length chunks for long runs, two-bit vectors of seven for the rest."""
    chunks = b""
    at = 0
    if symbols and len(symbols) < 0x2000 and symbols.count(symbols[0]) == len(symbols):
        return struct.pack("!H", symbols[0] << 13 | len(symbols))  # nothing lost, as nearly always
    while at < len(symbols):
        run = 1
        while at + run < len(symbols) and symbols[at + run] == symbols[at] and run < 0x1FFF:
            run += 1
        if run >= 7:
            chunks += struct.pack("!H", symbols[at] << 13 | run)
            at += run
            continue
        vector = 0xC000
        for place, symbol in enumerate(symbols[at : at + 7]):
            vector |= symbol << (12 - 2 * place)
        chunks += struct.pack("!H", vector)
        at += 7
    return chunks


def _packet(kind: int, count: int, body: bytes) -> bytes:
    padding = -len(body) % 4
    if padding:
        body += bytes(padding - 1) + bytes((padding,))
    first = 0x80 | (0x20 if padding else 0) | count
    return _HEADER.pack(first, kind, len(body) // 4) + body
