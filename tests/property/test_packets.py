"""Packets and messages that no server sends, in a connection that stands: dropped or an event, and the call goes on."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from livekit.protocol import models

from engage_tui import RoomEvent, Space, Stream
from engage_tui.rtc.audio_receiver import AudioReceiver
from engage_tui.rtc.rtp_sender import RtpSender
from engage_tui.wire.data import LOSSY, RELIABLE
from tests.bench import fuzz_inputs
from tests.integration.test_rtc_peers import Pair, feeding, pair, picture, show_into, tone
from tests.nonsense import fill
from tests.property.test_signalling import WORDS, Called, Errors
from tests.waiting import until

PACKETS = 400
NEAR = 0.9


@pytest.fixture(scope="module")
def errors() -> Iterator[Errors]:
    handler = Errors()
    logging.getLogger("engage_tui").addHandler(handler)
    yield handler
    logging.getLogger("engage_tui").removeHandler(handler)


def media(chance: random.Random, senders: Sequence[RtpSender]) -> bytes:
    """An odd packet of a foreign stream, or of one that is there: mostly near its place in it."""
    sender = chance.choice(senders)
    data = bytearray(fuzz_inputs.rtp(chance, sender.ssrcs))
    if chance.random() < NEAR:
        data[2:4] = ((sender._sequence + chance.randrange(-30, 3)) & 0xFFFF).to_bytes(2, "big")
    return bytes(data)


async def bombard(both: Pair, chance: random.Random, senders: Sequence[RtpSender]) -> None:
    """Give both ends media and feedback that make no sense, in part cut off, as if they had been deciphered."""
    ssrcs = [ssrc for sender in senders for ssrc in sender.ssrcs]
    for number in range(PACKETS):
        feedback = chance.random() < 0.5
        data = fuzz_inputs.rtcp(chance, ssrcs) if feedback else media(chance, senders)
        if chance.random() < 0.2:
            data = data[: chance.randrange(len(data) + 1)]
        dtls = chance.choice((both.publisher, both.subscriber))._dtls
        if feedback:
            await dtls._handle_rtcp_data(data)
        else:
            dtls.handle_rtp(data)
        if number % 10 == 0:
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("seed", range(3))
async def test_a_connection_outlives_any_media_and_feedback(errors: Errors, seed: int) -> None:
    errors.lines.clear()
    async with pair() as both:
        voice = both.publisher.add_audio_sender("TR_voice")
        camera = both.publisher.add_video_sender("TR_cam")
        await both.negotiate()
        heard, seen = both.receivers
        assert isinstance(heard, AudioReceiver)
        shown = show_into(both.video())

        def push(number: int) -> None:
            voice.push(tone(number))
            if number % 5 == 0:
                camera.push(picture(number), time.monotonic())

        async with feeding(push, 0.01):
            await until(lambda: shown and heard.stats.packets, 10)
            await bombard(both, random.Random(seed), (voice.rtp, camera.streams[0].rtp))
            frames, packets = len(shown), heard.stats.packets
            await until(lambda: len(shown) > frames + 3 and heard.stats.packets > packets + 10, 10)
            assert heard.pull(480).shape == (480,)
        both.publisher.send_data(RELIABLE, b"still here")
        await until(lambda: both.messages == [(RELIABLE, b"still here")])
        assert not both.closed
        assert [heard, seen] == both.receivers
    assert errors.lines == []


def data_packet(chance: random.Random) -> bytes:
    """A data packet: damaged, or every field at random."""
    if chance.random() < 0.3:
        return fuzz_inputs.data_packet(chance)
    packet = models.DataPacket()
    fill(packet, chance, (*WORDS, "lk.chat", "lk.rpc", "files"))
    data = packet.SerializeToString()
    return data if chance.random() < 0.7 else fuzz_inputs.damaged(data, chance)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_a_room_outlives_any_data(errors: Errors, seed: int) -> None:
    async def receive() -> None:
        chance = random.Random(seed)
        space = Space()
        room = Called(space)
        events: list[tuple[bytes, str]] = []
        files: list[Stream] = []
        room.on(
            RoomEvent.DATA_RECEIVED, lambda data, _who, _kind, topic: events.append((data, topic))
        )
        room.register_stream_handler("files", lambda stream, _who: files.append(stream))
        for _ in range(120):
            room.on_data(chance.choice((RELIABLE, LOSSY, "_data_track", "")), data_packet(chance))
            room.check()
        await asyncio.sleep(0)
        assert all(isinstance(data, bytes) and isinstance(topic, str) for data, topic in events)
        good = models.DataPacket(participant_identity="me")
        good.user.payload, good.user.topic = b"still here", "t"
        room.on_data(LOSSY, good.SerializeToString())
        assert events[-1] == (b"still here", "t")
        await room.leave()
        await space.close()

    errors.lines.clear()
    asyncio.run(receive())
    assert errors.lines == []
