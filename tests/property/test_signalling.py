"""Whatever a server says, and in whatever order: an event or nothing, and the call goes on."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from livekit.protocol import models, rtc

from engage_tui import ConnectionState, RoomOptions, Space
from engage_tui.errors import EngageError
from engage_tui.rtc.peer import Peer, PeerRole
from engage_tui.sdk.connection import Connection
from engage_tui.sdk.room import Room
from engage_tui.wire.sdp import Codec, Description, Section
from tests.nonsense import fill, mangle
from tests.waiting import until

WORDS = (
    *("", "PA_me", "PA_a", "PA_b", "PA_x", "me", "ada", "bob"),
    *("TR_1", "TR_2", "TR_3", "audio/opus", "video/VP8", "video/AV1", "reliable", "x" * 300),
)


class Errors(logging.Handler):
    """Collects what is logged as an error: the borders log what they catch."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture(scope="module")
def errors() -> Iterator[Errors]:
    handler = Errors()
    logging.getLogger("engage_tui").addHandler(handler)
    yield handler
    logging.getLogger("engage_tui").removeHandler(handler)


class Called(Room):
    """A room that has been joined, without a server."""

    def __init__(self, space: Space) -> None:
        super().__init__(space, "ws://127.0.0.1:1", "", RoomOptions(subscribe="all"))
        space.rooms.append(self)
        self._connection = Connection(self)
        join = rtc.JoinResponse()
        join.participant.sid, join.participant.identity = "PA_me", "me"
        self._welcomed(join)
        self._set_state(ConnectionState.CONNECTED)
        self.said = self._connection._signal

    def hear(self, message: rtc.SignalResponse) -> None:
        assert self._connection is not None
        self.said._take(message)

    def check(self) -> None:
        """What always holds."""
        identities = [each.identity for each in self.participants.values()]
        assert len(set(identities)) == len(identities), identities
        assert "PA_me" not in self.participants
        assert "" not in self.participants
        for sid, each in self.participants.items():
            assert each.sid == sid
            assert {*each.audio_tracks, *each.video_tracks} <= set(each.tracks)
        wanted, there = self._space.connected_microphones  # type: ignore[attr-defined]
        assert 0 <= wanted <= there


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_a_room_outlives_any_messages(errors: Errors, seed: int) -> None:
    async def talk() -> None:
        rng = random.Random(seed)
        space = Space()
        room = Called(space)
        said: list[rtc.SignalResponse] = []
        for _ in range(40):
            kind = rng.choice([*rtc.SignalResponse.DESCRIPTOR.oneofs_by_name["message"].fields])
            if kind.name == "leave":  # which may end the room, as it should
                continue
            message = rtc.SignalResponse()
            fill(message, rng, WORDS)
            message.ClearField(message.WhichOneof("message") or "pong")
            part = getattr(message, kind.name)
            if kind.message_type is not None:
                part.SetInParent()
                fill(part, rng, WORDS)
            said.append(message)
            # Again, now and then, and what was said long ago.
            for each in (message, *rng.choices(said, k=rng.choice((0, 0, 1, 2)))):
                room.hear(each)
                room.check()
            await asyncio.sleep(0)
        for sid in list(room.participants):
            room._depart(sid)
        news = rtc.SignalResponse()
        info = news.update.participants.add(sid="PA_new", identity="newcomer", version=1)
        info.tracks.add(sid="TR_new", type=models.AUDIO, source=models.MICROPHONE)
        assert room.local_participant is not None
        allowed = rtc.SignalResponse()
        allowed.update.participants.add(sid="PA_me", identity="me", version=2**31)
        room.hear(allowed)
        room.hear(news)
        room.check()
        assert room.participants["PA_new"].microphones[0].is_desired, "the call goes on"
        await room.leave()
        await space.close()

    errors.lines.clear()
    asyncio.run(talk())
    assert errors.lines == []


def offered() -> str:
    """What a server offers: data, a voice with redundancy, a picture that we can take and one that we cannot."""
    audio = Section(
        "audio",
        mid="1",
        direction="sendonly",
        codecs=[Codec(63, "red", 48_000, 2, {"": "111/111"}), Codec(111, "opus", 48_000, 2)],
        ssrcs=[1111],
        msid=("PA_a|TR_1", "TR_1"),
    )
    video = Section(
        "video",
        mid="2",
        direction="sendonly",
        codecs=[Codec(96, "VP8", 90_000), Codec(97, "rtx", 90_000, None, {"apt": "96"})],
        ssrcs=[2222, 3333],
        ssrc_groups=[("FID", (2222, 3333))],
        msid=("PA_a|TR_2", "TR_2"),
        extensions={1: "urn:ietf:params:rtp-hdrext:sdes:mid"},
    )
    strange = Section(
        "video", mid="3", direction="sendonly", codecs=[Codec(45, "AV1", 90_000)], ssrcs=[4444]
    )
    data = Section("application", mid="0", sctp_port=5000)
    for each in (data, audio, video, strange):
        each.ice_ufrag, each.ice_pwd = "abcd", "a" * 22
        each.fingerprint, each.setup = "sha-256 " + ":".join(["AB"] * 32), "actpass"
    data.candidates = ["1 1 udp 2130706431 127.0.0.1 9 typ host"]
    return str(Description(sections=[data, audio, video, strange], ice_lite=True))


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32))
def test_a_peer_outlives_any_offers(errors: Errors, seed: int) -> None:
    async def negotiate() -> None:
        rng = random.Random(seed)
        there: set[Any] = set()
        peer = Peer(PeerRole.SUBSCRIBER, on_receiver=there.add, on_receiver_gone=there.discard)
        try:
            for _ in range(12):
                try:
                    answer = await peer.answer(mangle(offered(), rng))
                except EngageError:
                    continue
                Description.parse(answer)
            answered = Description.parse(await peer.answer(offered()))
            assert [s.port != 0 for s in answered.sections] == [True, True, True, False]
            assert {each.track_sid for each in there} == {"TR_1", "TR_2"}
        finally:
            await peer.close()
        assert not there

    errors.lines.clear()
    asyncio.run(negotiate())
    assert errors.lines == []


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_a_peer_outlives_any_answers(errors: Errors, seed: int) -> None:
    async def negotiate() -> None:
        rng = random.Random(seed)
        publisher, subscriber = Peer(PeerRole.PUBLISHER), Peer(PeerRole.SUBSCRIBER)
        try:
            publisher.create_channels()
            sender = publisher.add_audio_sender("TR_mine")
            answer = await subscriber.answer(await publisher.offer())
            fingerprint = Description.parse(answer).sections[0].fingerprint
            for _ in range(8):
                broken = mangle(answer, rng)
                parts = broken.partition("a=fingerprint:")[2]
                if not parts.startswith(fingerprint):
                    continue  # the first that names a transport is the one connected to
                try:
                    await publisher.apply_answer(broken)
                except EngageError:
                    continue
            await publisher.apply_answer(answer)
            assert not publisher.refuses(sender)
        finally:
            await publisher.close()
            await subscriber.close()

    errors.lines.clear()
    asyncio.run(negotiate())
    assert errors.lines == []


async def test_answers_with_a_foreign_number_and_old_or_double_offers() -> None:
    answered: list[str] = []

    class Slow(Peer):
        async def answer(self, sdp: str) -> str:
            answered.append(sdp)
            if sdp == "raise":
                raise RuntimeError("a bug")
            return await super().answer(sdp)

    async with Space() as space:
        connection = Called(space)._connection
        assert connection is not None
        subscriber = Slow(PeerRole.SUBSCRIBER)
        task = connection._tasks.spawn(connection._answer_offers(subscriber), "answer")
        good = offered()
        for number, sdp in ((3, good), (3, good), (2, "older"), (4, "nonsense"), (5, "raise")):
            message = rtc.SignalResponse()
            message.offer.id, message.offer.sdp = number, sdp
            connection._signal._take(message)
        for _ in range(200):  # candidates beyond the queue are dropped, the session stays
            message = rtc.SignalResponse()
            message.trickle.target, message.trickle.candidateInit = rtc.SUBSCRIBER, "{"
            connection._signal._take(message)
        message.offer.id, message.offer.sdp = 6, good + "a=x\r\n"
        await until(lambda: len(answered) == 3)
        await until(lambda: connection._offers.empty())
        connection._signal._take(message)
        await until(lambda: answered == [good, "nonsense", "raise", good + "a=x\r\n"])
        assert not task.done()
        assert not connection.is_over
        waiting = asyncio.get_running_loop().create_future()
        connection._answers = {7: waiting}
        connection._offer_number = 7
        for number in (6, 8, 99):
            message = rtc.SignalResponse()
            message.answer.id, message.answer.sdp = number, good
            connection._signal._take(message)
        assert not waiting.done()
        for _ in range(2):
            message.answer.id = 7
            connection._signal._take(message)
        assert await waiting == good
        await connection.close()
        await subscriber.close()
