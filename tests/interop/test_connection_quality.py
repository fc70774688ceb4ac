"""How well somebody's media come through, as our server tells it to LiveKit's SDK."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from engage_tui import Space, create_local_audio_track
from engage_tui.server import quality
from engage_tui.server.app import RunningServer
from tests.embedded import described
from tests.integration.meeting import join
from tests.lossy import Link, Weather, bad_network
from tests.require import need
from tests.servers import find_livekit_server
from tests.waiting import until

pytestmark = pytest.mark.interop
need(find_spec("livekit.rtc") is not None, "the official SDK: pip install livekit")
# Nothing of it is used here; but with all else these take too long for a plain run.
need(find_livekit_server() is not None, "livekit-server, as a sign that everything is to be tested")

from livekit import rtc  # noqa: E402

from tests.interop.official import OfficialPeer  # noqa: E402


@pytest.mark.parametrize("way", ["to the server", "from the server"])
@pytest.mark.usefixtures("quick_clock")
async def test_losses_are_told_and_their_end_too(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(quality, "EVERY", 0.2)
    peer, told = OfficialPeer(), list[tuple[str, Any]]()
    peer.room.on("connection_quality_changed", lambda who, now: told.append((who.identity, now)))
    async with Space() as space:
        ada = await join(space, described(server), "ada", "hall")
        await ada.local_participant.publish_track(await create_local_audio_track("test"))
        try:
            await peer.join(described(server), "hall")
            await peer.publish()
            excellent = rtc.ConnectionQuality.QUALITY_EXCELLENT
            await until(lambda: {("ada", excellent), ("official", excellent)} <= {*told}, 10)
            connection = ada._connection
            assert connection is not None
            bad, fine = Link(Weather(loss=0.4)), Link(Weather())
            assert connection.publisher is not None
            assert connection.subscriber is not None
            network = (
                bad_network(connection.publisher, fine, bad)
                if way == "to the server"
                else bad_network(connection.subscriber, bad, fine)
            )
            async with network:
                await until(lambda: ("ada", rtc.ConnectionQuality.QUALITY_POOR) in told, 10)
            await until(lambda: dict(told)["ada"] == excellent, 10)
        finally:
            await peer.leave()
