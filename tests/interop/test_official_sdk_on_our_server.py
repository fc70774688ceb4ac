"""LiveKit's own Python SDK, both ends of it, on our room server."""

from __future__ import annotations

import asyncio
import importlib.util
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import numpy as np
import pytest

from engage_tui.server.app import RunningServer
from tests.embedded import access_token, embedded_server
from tests.require import need
from tests.waiting import until

need(importlib.util.find_spec("livekit.rtc") is not None, "the livekit package (extra `dev`)")
from livekit import rtc  # noqa: E402

pytestmark = pytest.mark.interop

AMPLITUDE = 8000
TONE_RMS = AMPLITUDE / np.sqrt(2)


@pytest.fixture(params=[True, False], ids=["v1", "v0"])
async def either_path(request: pytest.FixtureRequest) -> AsyncIterator[RunningServer]:
    """A server that takes clients on one connection, and one that they reach on two."""
    async with embedded_server(single_connection=request.param) as running:
        yield running
        clients = [client for room in running.rooms.values() for client in room.clients.values()]
        assert all(client.options.single is request.param for client in clients)


class Person:
    """A participant of the official SDK, and what happened to it."""

    def __init__(self, room: Any) -> None:
        self.room = room
        self.events: list[str] = []
        self.tracks: dict[str, Any] = {}
        self.data: list[tuple[bytes, str, str | None]] = []
        self.texts: list[str] = []
        for name in (
            "participant_disconnected",
            "track_published",
            "track_unpublished",
            "track_muted",
            "track_unmuted",
            "active_speakers_changed",
            "disconnected",
            "participant_attributes_changed",
        ):
            room.on(name, lambda *_, name=name: self.events.append(name))
        room.on("track_subscribed", lambda t, _pub, _who: self.tracks.__setitem__(t.name, t))
        room.on("data_received", self._on_data)

    def _on_data(self, packet: Any) -> None:
        sender = packet.participant.identity if packet.participant else None
        self.data.append((packet.data, packet.topic, sender))


@asynccontextmanager
async def joined(server: RunningServer, identity: str, **grants: Any) -> AsyncIterator[Person]:
    person = Person(rtc.Room())
    await person.room.connect(server.url, access_token(identity, **grants))
    try:
        yield person
    finally:
        await person.room.disconnect()


async def publish_tone(person: Person, name: str = "tone") -> tuple[Any, Any]:
    source = rtc.AudioSource(48000, 1)
    track = rtc.LocalAudioTrack.create_audio_track(name, source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    publication = await person.room.local_participant.publish_track(track, options)
    return source, (track, publication)


async def publish_bar(person: Person, size: tuple[int, int], **options: Any) -> tuple[Any, Any]:
    source = rtc.VideoSource(*size)
    track = rtc.LocalVideoTrack.create_video_track("bar", source)
    publication = await person.room.local_participant.publish_track(
        track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, **options)
    )
    return source, publication


async def _play_tone(source: Any) -> None:
    phase = np.arange(480)
    for block in range(10_000):
        samples = AMPLITUDE * np.sin(2 * np.pi * 440 * (phase + 480 * block) / 48000)
        await source.capture_frame(
            rtc.AudioFrame(samples.astype(np.int16).tobytes(), 48000, 1, 480)
        )


async def _play_bar(source: Any, size: tuple[int, int]) -> None:
    width, height = size
    for number in range(10_000):
        picture = np.full((height, width, 4), 60, np.uint8)
        at = number * 16 % (width - 40)
        picture[:, at : at + 40] = 255
        source.capture_frame(
            rtc.VideoFrame(width, height, rtc.VideoBufferType.RGBA, picture.tobytes())
        )
        await asyncio.sleep(1 / 15)


@contextmanager
def playing(work: Any) -> Iterator[None]:
    task = asyncio.get_running_loop().create_task(work)  # noqa: TID251 - ends with the context
    try:
        yield
    finally:
        task.cancel()


async def wait_for_level(track: Any, expected: float, timeout: float = 10) -> None:
    """Listen until the median level of a third of a second is within a tenth of `expected`."""
    levels: deque[float] = deque(maxlen=33)
    stream = rtc.AudioStream(track)
    try:
        async with asyncio.timeout(timeout):
            async for event in stream:
                samples = np.frombuffer(event.frame.data, np.int16).astype(float)
                levels.append(float(np.sqrt(np.mean(samples**2))))
                heard = float(np.median(levels))
                if len(levels) == levels.maxlen and abs(heard - expected) <= expected / 10 + 10:
                    return
    except TimeoutError:
        raise AssertionError(f"heard {list(levels)}, expected {expected:.0f}") from None
    finally:
        await stream.aclose()


async def wait_for_size(track: Any, accept: Any, timeout: float = 12) -> tuple[int, int]:
    """The size of the first picture that `accept(width)` likes."""
    stream = rtc.VideoStream(track)
    seen = (0, 0)
    try:
        async with asyncio.timeout(timeout):
            async for event in stream:
                seen = (event.frame.width, event.frame.height)
                if accept(seen[0]):
                    return seen
    except TimeoutError:
        raise AssertionError(f"last picture was {seen}") from None
    finally:
        await stream.aclose()
    raise AssertionError("the stream ended")


async def test_sound_and_pictures_arrive_and_stop(either_path: RunningServer) -> None:
    async with joined(either_path, "ada") as ada, joined(either_path, "bob") as bob:
        source, (track, publication) = await publish_tone(ada)
        picture, camera = await publish_bar(ada, (320, 180), simulcast=False)
        with playing(_play_tone(source)), playing(_play_bar(picture, (320, 180))):
            await until(lambda: len(bob.tracks) == 2, what="both tracks subscribed")
            await wait_for_level(bob.tracks["tone"], TONE_RMS)
            assert await wait_for_size(bob.tracks["bar"], lambda width: width > 0) == (320, 180)
            await until(lambda: "active_speakers_changed" in bob.events, what="a speaker")
            track.mute()
            await until(lambda: "track_muted" in bob.events)
            await wait_for_level(bob.tracks["tone"], 0)
            track.unmute()
            await until(lambda: "track_unmuted" in bob.events)
            await wait_for_level(bob.tracks["tone"], TONE_RMS)
            async with joined(either_path, "late") as late:
                await until(lambda: len(late.tracks) == 2, what="a late joiner's tracks")
                assert "track_published" not in late.events
                await wait_for_size(late.tracks["bar"], lambda width: width == 320)
        await ada.room.local_participant.unpublish_track(camera.sid)
        await until(lambda: "track_unpublished" in bob.events)
        assert [
            p.name for p in bob.room.remote_participants["ada"].track_publications.values()
        ] == ["tone"]
        await ada.room.disconnect()
        await until(lambda: "participant_disconnected" in bob.events)


async def test_h264_is_forwarded(server: RunningServer) -> None:
    async with joined(server, "ada") as ada, joined(server, "bob") as bob:
        source, publication = await publish_bar(
            ada, (320, 180), simulcast=False, video_codec=rtc.VideoCodec.H264
        )
        with playing(_play_bar(source, (320, 180))):
            await until(lambda: "bar" in bob.tracks)
            assert (
                bob.room.remote_participants["ada"]
                .track_publications[publication.sid]
                .mime_type.lower()
                == "video/h264"
            )
            await wait_for_size(bob.tracks["bar"], lambda width: width == 320)


async def test_simulcast_layers_follow_the_subscriber(either_path: RunningServer) -> None:
    async with joined(either_path, "ada") as ada, joined(either_path, "bob") as bob:
        source, _ = await publish_bar(ada, (960, 540), simulcast=True)
        with playing(_play_bar(source, (960, 540))):
            await until(lambda: "bar" in bob.tracks)
            track = bob.tracks["bar"]
            await wait_for_size(track, lambda width: width == 960)
            publication = next(
                iter(bob.room.remote_participants["ada"].track_publications.values())
            )
            assert publication.simulcasted
            publication.set_video_quality(rtc.VideoQuality.VIDEO_QUALITY_LOW)
            small = await wait_for_size(track, lambda width: width < 400)
            publication.set_video_quality(rtc.VideoQuality.VIDEO_QUALITY_HIGH)
            large = await wait_for_size(track, lambda width: width == 960)
            assert small[0] * 540 == small[1] * 960
            assert large == (960, 540)


@pytest.mark.parametrize("codec", ["VP9", "AV1"])
async def test_layers_in_one_stream_follow_the_subscriber(
    either_path: RunningServer, codec: str
) -> None:
    async with joined(either_path, "ada") as ada, joined(either_path, "bob") as bob:
        source, _ = await publish_bar(
            ada,
            (960, 540),
            scalability_mode="L3T3_KEY",
            video_codec=rtc.VideoCodec.Value(codec),
        )
        with playing(_play_bar(source, (960, 540))):
            await until(lambda: "bar" in bob.tracks)
            track = bob.tracks["bar"]
            await wait_for_size(track, lambda width: width == 960)
            publication = next(
                iter(bob.room.remote_participants["ada"].track_publications.values())
            )
            assert publication.mime_type.lower() == f"video/{codec.lower()}"
            publication.set_video_quality(rtc.VideoQuality.VIDEO_QUALITY_LOW)
            await wait_for_size(track, lambda width: width < 400)
            publication.set_video_quality(rtc.VideoQuality.VIDEO_QUALITY_HIGH)
            await wait_for_size(track, lambda width: width == 960)


async def test_redundant_audio_is_negotiated(either_path: RunningServer) -> None:
    async with joined(either_path, "ada") as ada, joined(either_path, "bob") as bob:
        source, _ = await publish_tone(ada)
        with playing(_play_tone(source)):
            await until(lambda: "tone" in bob.tracks)
            await wait_for_level(bob.tracks["tone"], TONE_RMS)
            clients = either_path.rooms["hall"].clients
            (track,) = clients["ada"].publisher.tracks.values()
            assert track.redundant_type
            assert track.subscriptions[clients["bob"].sid].redundant


async def test_after_unsubscribing_nothing_is_sent(either_path: RunningServer) -> None:
    async with joined(either_path, "ada") as ada, joined(either_path, "bob") as bob:
        source, _ = await publish_bar(ada, (320, 180), simulcast=False)
        with playing(_play_bar(source, (320, 180))):
            await until(lambda: "bar" in bob.tracks)
            await wait_for_size(bob.tracks["bar"], lambda width: width == 320)
            publication = next(
                iter(bob.room.remote_participants["ada"].track_publications.values())
            )
            connection = either_path.rooms["hall"].clients["bob"].subscriber
            publication.set_subscribed(False)
            await until(lambda: not connection.subscriptions and connection.settled)
            bob.tracks.clear()
            publication.set_subscribed(True)
            await until(lambda: "bar" in bob.tracks)
            await wait_for_size(bob.tracks["bar"], lambda width: width == 320)


async def test_data_reaches_whom_it_is_for(either_path: RunningServer) -> None:
    async with (
        joined(either_path, "ada") as ada,
        joined(either_path, "bob") as bob,
        joined(either_path, "cyd") as cyd,
    ):
        local = ada.room.local_participant
        await local.publish_data(b"for all", topic="news")
        await local.publish_data(b"for bob", destination_identities=["bob"])
        await local.publish_data(b"for nobody", destination_identities=["zoe"])
        await local.publish_data(b"large" * 10_000, destination_identities=["cyd"])
        await until(lambda: len(bob.data) == 2 and len(cyd.data) == 2)
        assert bob.data == [(b"for all", "news", "ada"), (b"for bob", "", "ada")]
        assert cyd.data[1] == (b"large" * 10_000, "", "ada")
        assert ada.data == []

        async def keep_sending() -> None:
            while True:  # lossy: the first ones may precede the channel
                await local.publish_data(b"lossy", reliable=False, destination_identities=["bob"])
                await asyncio.sleep(0.05)

        with playing(keep_sending()):
            await until(lambda: (b"lossy", "", "ada") in bob.data)


async def test_rpc_and_attributes(server: RunningServer) -> None:
    async with (
        joined(server, "ada", can_update_own_metadata=True) as ada,
        joined(server, "bob") as bob,
    ):
        bob.room.local_participant.register_rpc_method("echo", lambda call: _echo(call))
        answer = await ada.room.local_participant.perform_rpc(
            destination_identity="bob", method="echo", payload="hello"
        )
        assert answer == "hello from ada"
        await ada.room.local_participant.set_attributes({"hand": "up"})
        await until(lambda: "participant_attributes_changed" in bob.events)
        assert bob.room.remote_participants["ada"].attributes["hand"] == "up"


async def _echo(call: Any) -> str:
    return f"{call.payload} from {call.caller_identity}"


async def test_the_same_identity_takes_the_place(server: RunningServer) -> None:
    async with joined(server, "ada") as first, joined(server, "bob") as bob, joined(server, "ada"):
        await until(lambda: "disconnected" in first.events)
        await until(lambda: list(bob.room.remote_participants) == ["ada"])


async def test_stopping_the_server_sends_everybody_away() -> None:
    async with (
        embedded_server() as server,
        joined(server, "ada") as ada,
        joined(server, "bob") as bob,
    ):
        await server.stop()
        await until(lambda: "disconnected" in ada.events and "disconnected" in bob.events)


async def test_a_full_reconnect_publishes_again(either_path: RunningServer) -> None:
    async with joined(either_path, "ada") as ada, joined(either_path, "bob") as bob:
        source, _ = await publish_tone(ada)
        with playing(_play_tone(source)):
            await until(lambda: "tone" in bob.tracks)
            bob.tracks.clear()
            await ada.room.simulate_scenario(rtc.SimulateScenarioKind.SIMULATE_FULL_RECONNECT)
            await until(lambda: "tone" in bob.tracks, timeout=10, what="the track after the rejoin")
            await wait_for_level(bob.tracks["tone"], TONE_RMS)
