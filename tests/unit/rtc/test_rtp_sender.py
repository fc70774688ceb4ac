"""What one outgoing stream puts on the wire: packets, retransmissions, reports, announcements."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from aiortc.rtp import (
    HeaderExtensionsMap,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    RtpPacket,
)

from engage_tui.rtc import rtp_sender, sections
from engage_tui.rtc.rtp_sender import (
    ANNOUNCEMENTS,
    BEGINNINGS,
    REPAIR_BURST,
    REPAIR_SHARE,
    Encoded,
    RtpSender,
)
from engage_tui.wire.sdp import AUDIO_LEVEL, MID, REPAIRED_RID, RID, Section
from tests.waiting import until


@dataclass
class Wire:
    """In the connection's place: keeps what is sent."""

    sent: list[bytes] = field(default_factory=list)
    senders: list[object] = field(default_factory=list)

    def _register_rtp_sender(self, sender: object, parameters: object) -> None:
        self.senders.append(sender)

    def _unregister_rtp_sender(self, sender: object) -> None:
        self.senders.remove(sender)

    async def _send_rtp(self, data: bytes) -> None:
        self.sent.append(data)

    def rtp(self, extensions: HeaderExtensionsMap) -> list[RtpPacket]:
        return [RtpPacket.parse(d, extensions) for d in self.sent if not 200 <= d[1] <= 207]

    def rtcp(self) -> list[object]:
        return [part for d in self.sent if 200 <= d[1] <= 207 for part in RtcpPacket.parse(d)]


@dataclass
class Source:
    frames: asyncio.Queue[Encoded] = field(default_factory=asyncio.Queue)
    keyframes: int = 0
    losses: list[float] = field(default_factory=list)

    async def next_frame(self) -> Encoded | None:
        return await self.frames.get()

    def request_keyframe(self) -> None:
        self.keyframes += 1

    def reported(self, lost: float) -> None:
        self.losses.append(lost)


def answer(kind: str, codec: str) -> tuple[HeaderExtensionsMap, object]:
    codecs = sections.offered_codecs(kind, codec)
    section = Section(kind, mid="4", direction="recvonly", codecs=codecs)
    section.extensions = {1: MID, 2: AUDIO_LEVEL, 3: RID, 4: REPAIRED_RID}
    parameters = sections.send_parameters(section)
    extensions = HeaderExtensionsMap()
    extensions.configure(parameters)
    return extensions, parameters


async def test_a_layer_names_itself_in_every_packet_and_repair() -> None:
    wire, source = Wire(), Source()
    sender = RtpSender(source, wire, "q")  # type: ignore[arg-type]
    extensions, parameters = answer("video", "VP8")
    await sender.send(parameters)  # type: ignore[arg-type]
    assert wire.senders == [sender]
    source.frames.put_nowait(Encoded([b"one", b"two"], 3000))
    source.frames.put_nowait(Encoded([b"three"], 6000))
    await until(lambda: len(wire.sent) >= 3)
    first, second, third = wire.rtp(extensions)
    assert [p.marker for p in (first, second, third)] == [0, 1, 1]
    assert {p.extensions.rtp_stream_id for p in (first, second, third)} == {"q"}
    assert {p.extensions.mid for p in (first, second, third)} == {"4"}
    assert (third.timestamp - first.timestamp) & 0xFFFFFFFF == 3000
    assert third.sequence_number == (first.sequence_number + 2) & 0xFFFF
    assert {p.ssrc for p in (first, second, third)} == {sender.ssrcs[0]}

    nack = RtcpRtpfbPacket(
        fmt=1, ssrc=1, media_ssrc=first.ssrc, lost=[second.sequence_number, 60_000]
    )
    await sender._handle_rtcp_packet(nack)
    again = wire.rtp(extensions)[-1]
    assert len(wire.rtp(extensions)) == 4  # what was never sent is not sent again
    assert (again.ssrc, again.extensions.repaired_rtp_stream_id) == (sender.ssrcs[1], "q")
    assert again.payload == second.sequence_number.to_bytes(2, "big") + b"two"

    await sender._handle_rtcp_packet(RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=first.ssrc))
    report = RtcpReceiverInfo(first.ssrc, 64, 1, 0, 0, 0, 0)
    foreign = RtcpReceiverInfo(first.ssrc ^ 1, 128, 1, 0, 0, 0, 0)
    await sender._handle_rtcp_packet(RtcpRrPacket(ssrc=1, reports=[report, foreign]))
    assert (source.keyframes, source.losses) == (1, [0.25])
    await sender.stop()
    assert wire.senders == []


async def test_repairs_do_not_take_the_place_of_what_comes_after() -> None:
    wire, source = Wire(), Source()
    sender = RtpSender(source, wire)  # type: ignore[arg-type]
    extensions, parameters = answer("video", "VP8")
    await sender.send(parameters)  # type: ignore[arg-type]

    async def picture_and_repairs(payloads: int) -> int:
        """Send a picture and ask for all of it; how much was sent again."""
        wire.sent.clear()
        source.frames.put_nowait(Encoded([b"x"] * payloads, 3000))
        await until(lambda: len(wire.sent) == payloads)
        numbers = [packet.sequence_number for packet in wire.rtp(extensions)]
        for _ in range(3):
            await sender._handle_rtcp_packet(RtcpRtpfbPacket(1, 1, sender.ssrcs[0], numbers))
        return len(wire.sent) - payloads

    assert await picture_and_repairs(10) == 30, "as often as it is asked for"
    assert source.losses == []
    assert await picture_and_repairs(200) == REPAIR_BURST, "but not without end"
    assert source.losses == [REPAIR_SHARE], "told once of what was sent before"
    assert 0 < await picture_and_repairs(50) <= 50 * REPAIR_SHARE
    assert source.losses == [REPAIR_SHARE] * 2
    await sender.stop()


async def test_a_layer_of_which_nobody_says_anything_begins_anew_a_few_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rtp_sender, "REPORT_INTERVAL", (0.01, 0.01))
    monkeypatch.setattr(rtp_sender, "UNHEARD", 0.05)
    wire, source = Wire(), Source()
    sender = RtpSender(source, wire, "q")  # type: ignore[arg-type]
    extensions, parameters = answer("video", "VP8")
    await sender.send(parameters)  # type: ignore[arg-type]
    ssrcs = [sender.ssrcs]
    for _ in range(BEGINNINGS - 1):
        source.frames.put_nowait(Encoded([b"one"], 3000))
        await until(lambda: sender.ssrcs != ssrcs[-1])
        ssrcs.append(sender.ssrcs)
    assert source.keyframes == BEGINNINGS - 1
    assert wire.senders == [sender]
    for _ in range(3):
        source.frames.put_nowait(Encoded([b"last"], 6000))
        await asyncio.sleep(0.06)
    assert sender.ssrcs == ssrcs[-1]  # in vain: it stays so
    assert {packet.ssrc for packet in wire.rtp(extensions)} == {media for media, _ in ssrcs}
    await sender.stop()


@pytest.mark.parametrize("rid", ["", "q"])
async def test_a_stream_of_which_something_is_said_goes_on(
    monkeypatch: pytest.MonkeyPatch, rid: str
) -> None:
    monkeypatch.setattr(rtp_sender, "REPORT_INTERVAL", (0.01, 0.01))
    monkeypatch.setattr(rtp_sender, "UNHEARD", 0.05)
    wire, source = Wire(), Source()
    sender = RtpSender(source, wire, rid)  # type: ignore[arg-type]
    _, parameters = answer("video", "VP8")
    await sender.send(parameters)  # type: ignore[arg-type]
    before = sender.ssrcs
    source.frames.put_nowait(Encoded([b"one"], 3000))
    if rid:  # without layers descriptions name the SSRC, and nothing can be missed
        report = RtcpReceiverInfo(before[0], 0, 0, 0, 0, 0, 0)
        await sender._handle_rtcp_packet(RtcpRrPacket(ssrc=1, reports=[report]))
    await until(lambda: len(wire.rtcp()) >= 2 * 12)
    assert sender.ssrcs == before
    await sender.stop()


async def test_the_level_of_sound_and_the_time_of_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtp_sender, "REPORT_INTERVAL", (0.01, 0.02))
    wire, source = Wire(), Source()
    sender = RtpSender(source, wire)  # type: ignore[arg-type]
    extensions, parameters = answer("audio", "opus")
    await sender.send(parameters)  # type: ignore[arg-type]
    source.frames.put_nowait(Encoded([b"voice"], 960, 30))
    await until(lambda: any(isinstance(p, RtcpSrPacket) for p in wire.rtcp()))
    (packet,) = wire.rtp(extensions)
    assert packet.extensions.audio_level == (False, 30)
    assert packet.extensions.rtp_stream_id is None
    report = next(p for p in wire.rtcp() if isinstance(p, RtcpSrPacket))
    info = report.sender_info
    assert (info.packet_count, info.octet_count, info.rtp_timestamp) == (1, 5, packet.timestamp)
    await sender.stop()


async def test_a_layer_without_pictures_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtp_sender, "ANNOUNCEMENT_INTERVAL", 0.001)
    wire, source = Wire(), Source()
    sender = RtpSender(source, wire, "h")  # type: ignore[arg-type]
    extensions, parameters = answer("video", "H264")
    await sender.send(parameters)  # type: ignore[arg-type]
    sender.announce()
    await until(lambda: len(wire.sent) == ANNOUNCEMENTS)
    assert {(p.payload, p.extensions.rtp_stream_id) for p in wire.rtp(extensions)} == {(b"", "h")}
    await sender.stop()
