"""A livekit-server that is killed in the middle of a call and started again: the call goes on as it was."""

from __future__ import annotations

import asyncio
import math
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec

import pytest

from engage_tui import (
    AudioConnectionMode,
    ConnectionState,
    LocalTrackPublication,
    RemoteTrackPublication,
    Space,
    TrackSource,
)
from engage_tui.sdk.room import Room
from tests.integration.test_sdk_rejoin import joined, only, publish_both, states
from tests.require import need
from tests.servers import TestServer, find_livekit_server, livekit_ports, run_livekit_server
from tests.waiting import until

need(find_spec("livekit.rtc") is not None, "the official SDK: pip install livekit")
from tests.interop.official import TONE, OfficialPeer  # noqa: E402

pytestmark = pytest.mark.interop


class Mortal:
    """A livekit-server that can be killed, and started again at the same address."""

    def __init__(self, binary: str, stack: ExitStack) -> None:
        self._binary = binary
        self._stack = stack
        self._ports = livekit_ports()
        self.server = self._run()

    def _run(self) -> TestServer:
        return self._stack.enter_context(run_livekit_server(self._binary, ports=self._ports))

    def kill(self) -> None:
        """End it without a word to anybody."""
        os.kill(self.server.pid, signal.SIGKILL)
        self._stack.close()

    async def start(self) -> None:
        """Run another one in its place."""
        self.server = await asyncio.to_thread(self._run)


@pytest.fixture
def mortal() -> Iterator[Mortal]:
    binary = find_livekit_server()
    need(binary is not None, "livekit-server")
    assert binary is not None
    with ExitStack() as stack:
        yield Mortal(binary, stack)


async def test_a_call_goes_on_as_it_was(mortal: Mortal, room_name: str) -> None:
    peer = OfficialPeer()
    async with Space() as here, Space() as there:
        ada = await joined(here, mortal.server, "ada", room_name)
        await publish_both(ada)
        bob = await joined(there, mortal.server, "bob", room_name)
        await mute(*await publish_both(bob))
        await until(lambda: len(only(bob).tracks) == 2 and len(only(ada).tracks) == 2, 10)
        only(ada).set_audio_connection_mode(AudioConnectionMode.NEVER)
        only(bob).set_audio_connection_mode(AudioConnectionMode.ALWAYS)
        only(bob).set_volume(0.25)
        camera(bob).set_video_dimensions(320, 180)
        camera(bob).set_subscribed(True)
        await until(lambda: hears_and_sees(bob), 10)
        record, sids = states(bob), {ada.local_participant.sid, bob.local_participant.sid}

        mortal.kill()
        await until(lambda: all(r.state is ConnectionState.RECONNECTING for r in (ada, bob)))
        await mortal.start()
        await until(lambda: all(r.state is ConnectionState.CONNECTED for r in (ada, bob)), 20)

        assert record == ["reconnecting", "event reconnecting", "connected", "event reconnected"]
        assert not sids & {ada.local_participant.sid, bob.local_participant.sid}
        await until(lambda: hears_and_sees(bob), 10)
        assert only(bob).audio_connection_mode is AudioConnectionMode.ALWAYS
        assert only(bob).volume == 0.25
        assert camera(bob)._wanted_size == (320, 180)
        await until(lambda: len(ada.participants) == 1 and len(only(ada).tracks) == 2, 10)
        assert all(track.is_muted for track in only(ada).tracks.values())
        assert not any(track.is_desired for track in only(ada).tracks.values())
        try:
            # Whom nobody told what was before finds it all the same.
            await peer.join(mortal.server, room_name)
            await until(lambda: abs(20 * math.log10(max(peer.rms, 1e-9) / TONE)) < 1, 15)
            await until(lambda: len(peer.sizes) > 15, 15)
            people = peer.room.remote_participants.values()
            mutes = {
                who.identity: [p.muted for p in who.track_publications.values()] for who in people
            }
            assert mutes == {"ada": [False, False], "bob": [True, True]}
        finally:
            await peer.leave()


async def mute(*publications: LocalTrackPublication) -> None:
    for each in publications:
        await each.mute()


def camera(room: Room) -> RemoteTrackPublication:
    """That of the one other participant."""
    publication = only(room).get_track(TrackSource.CAMERA)
    assert isinstance(publication, RemoteTrackPublication)
    return publication


def hears_and_sees(room: Room) -> bool:
    """Whether sound and pictures of the one other participant come, in the session that they have now."""
    if len(room.participants) != 1:
        return False
    tracks = only(room).tracks.values()
    return len(tracks) == 2 and all(p.is_subscribed and p.stats.frames > 5 for p in tracks)
