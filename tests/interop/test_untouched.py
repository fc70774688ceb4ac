"""What LiveKit's SDKs send each other through our server that is none of its business, on both paths."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import Any

import pytest

from engage_tui.server.app import RunningServer
from tests.embedded import access_token, embedded_server
from tests.require import need
from tests.servers import find_livekit_server
from tests.waiting import until

pytestmark = pytest.mark.interop
need(find_spec("livekit.rtc") is not None, "the official SDK: pip install livekit")
# Nothing of it is used here; but with all else these take too long for a plain run.
need(find_livekit_server() is not None, "livekit-server, as a sign that everything is to be tested")

from livekit import rtc  # noqa: E402

from tests.interop.official import TONE, OfficialPeer  # noqa: E402


@pytest.fixture(params=[True, False], ids=["v1", "v0"])
async def either_path(request: pytest.FixtureRequest) -> AsyncIterator[RunningServer]:
    async with embedded_server(single_connection=request.param) as running:
        yield running


@pytest.fixture
async def peers() -> AsyncIterator[list[OfficialPeer]]:
    both = [OfficialPeer(), OfficialPeer()]
    try:
        yield both
    finally:
        for peer in both:
            await peer.leave()


async def test_encrypted_sound_and_pictures(
    either_path: RunningServer, peers: list[OfficialPeer]
) -> None:
    states: list[tuple[str, Any]] = []
    peers[1].room.on("e2ee_state_changed", lambda who, state: states.append((who.identity, state)))
    for peer, name in zip(peers, ("ada", "bob"), strict=True):
        keys = rtc.KeyProviderOptions(shared_key=b"known to the two", failure_tolerance=3)
        options = rtc.RoomOptions(encryption=rtc.E2EEOptions(key_provider_options=keys))
        await peer.connect(either_path.url, access_token(name), options)
    ada, bob = peers
    await ada.publish()
    await until(lambda: bob.sizes.count((640, 360)) > 5, 15, "her pictures")
    await until(lambda: abs(20 * math.log10(max(bob.rms, 1e-9) / TONE)) < 1, 15, "her tone")
    (tracks,) = (who.track_publications.values() for who in bob.room.remote_participants.values())
    assert {track.encryption_type for track in tracks} == {rtc.EncryptionType.GCM}
    await until(lambda: ("ada", rtc.EncryptionState.OK) in states)
    assert ("ada", rtc.EncryptionState.DECRYPTION_FAILED) not in states


async def test_transcriptions_and_data_tracks(
    either_path: RunningServer, peers: list[OfficialPeer]
) -> None:
    ada, bob = peers
    said: list[tuple[str, str, str]] = []
    announced: list[rtc.RemoteDataTrack] = []
    ended: list[str] = []

    def on_said(segments: list[Any], who: Any, of: Any) -> None:
        said.extend((each.text, who.identity, of.sid) for each in segments)

    bob.room.on("transcription_received", on_said)
    bob.room.on("data_track_published", announced.append)
    bob.room.on("data_track_unpublished", ended.append)
    for peer, name in zip(peers, ("ada", "bob"), strict=True):
        await peer.connect(either_path.url, access_token(name))
    await ada.publish()
    await until(lambda: bob.sizes, 15)
    local = ada.room.local_participant
    (microphone,) = (p.sid for p in local.track_publications.values() if p.name == "mic")
    segment = rtc.TranscriptionSegment("s1", "grüß Gott", 0, 0, "de", True)
    await local.publish_transcription(rtc.Transcription("ada", microphone, [segment]))
    await until(lambda: said, 10, "what was said")
    assert said == [("grüß Gott", "ada", microphone)]

    track = await local.publish_data_track(name="thermometer")
    await until(lambda: announced, 10, "the data track")
    assert (announced[0].info.name, announced[0].publisher_identity) == ("thermometer", "ada")
    stream = announced[0].subscribe()
    reading = asyncio.get_running_loop().create_task(_first(stream))  # noqa: TID251 - awaited below
    payload = bytes(range(256)) * 20  # more than fits a packet
    for _ in range(200):  # frames before the subscription reach nobody
        track.try_push(rtc.DataTrackFrame(payload=payload, user_timestamp=4711))
        done, _ = await asyncio.wait([reading], timeout=0.05)
        if done:
            break
    frame = await asyncio.wait_for(reading, 1)
    assert (frame.payload, frame.user_timestamp) == (payload, 4711)
    stream.close()
    await track.unpublish()
    await until(lambda: ended == [announced[0].info.sid], 10)


async def _first(stream: rtc.DataTrackStream) -> rtc.DataTrackFrame:
    async for frame in stream:
        return frame
    raise AssertionError("the stream ended")
