"""What one participant may cost the others: muted by the server, over a rate, with too much of anything."""

from __future__ import annotations

import aiohttp
import pytest
from livekit.protocol import rtc

from engage_tui.server.app import RunningServer
from engage_tui.server.client import Client
from engage_tui.server.limits import Limits
from tests.bench.bystanders import Bystanders, bystanders
from tests.embedded import access_token, described, embedded_server
from tests.integration.signal_client import signalling
from tests.integration.test_server_rooms import Reason, add_track, publisher_offer
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("inner_loop")


def seen(server: RunningServer, pair: Bystanders, who: int) -> Client:
    return server.rooms["quiet"].clients[pair.people[who].name]


async def mute(server: RunningServer, identity: str, sid: str) -> None:
    token = access_token("admin", "quiet", room_admin=True)
    url = f"{server.http_url}/twirp/livekit.RoomService/MutePublishedTrack"
    body = {"room": "quiet", "identity": identity, "track_sid": sid, "muted": True}
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(url, json=body, headers=headers) as answer,
    ):
        assert answer.status == 200, await answer.text()


async def test_who_is_muted_by_the_server_is_not_heard_whatever_it_sends(
    server: RunningServer,
) -> None:
    async with bystanders(described(server)) as pair:
        ada, bob = pair.people
        (sound,) = (t for t in seen(server, pair, 0).publisher.tracks.values() if not t.video)
        await mute(server, "ada", sound.sid)
        await pair.pause()
        before = bob.subscriber.received
        for _ in range(20):
            ada.send_audio()
        ada.send_frame(3, 600, key=True)
        await until(lambda: bob.subscriber.received >= before + 3)
        assert bob.subscriber.received == before + 3, "only the picture"
        assert sound.mute(False, 0.0)
        ada.send_audio()
        await until(lambda: bob.subscriber.received == before + 4)


async def test_media_over_the_rate_are_lost_before_they_are_multiplied() -> None:
    limits = Limits(media_rate=100_000)
    async with embedded_server(limits=limits) as server, bystanders(described(server)) as pair:
        ada, bob = pair.people
        await pair.pause()
        before, came, sent = bob.subscriber.received, server.mux.received, 0
        for _ in range(10):
            ada.send_frame(40, 1000, key=True)
            sent += 40
        await until(lambda: server.mux.received >= came + sent)
        await until(lambda: bob.subscriber.received > before + 50)
        assert bob.subscriber.received - before < 200, f"of {sent}"


async def test_published_tracks_are_bounded(server: RunningServer) -> None:
    async with signalling(server, "ada") as ada:
        sections = ""
        for number in range(33):
            cid = f"c{number}"
            await ada.send(add_track(cid))
            if number == 32:
                break
            await until(lambda: len(ada.all("track_published")) > len(ada.all("answer")))
            offer = publisher_offer(cid, ssrc=5000 + number)
            sections += offer[offer.index("m=audio") :].replace("mid:1", f"mid:{number + 1}")
            whole = offer[: offer.index("m=audio")] + sections
            description = rtc.SessionDescription(type="offer", sdp=whole, id=number + 1)
            await ada.send(rtc.SignalRequest(offer=description))
            await until(lambda: len(ada.all("answer")) == len(ada.all("track_published")))
        refused = (await ada.get("request_response")).request_response
        assert refused.reason == Reason.LIMIT_EXCEEDED
        assert len(server.rooms["hall"].clients["ada"].publisher.tracks) == 32
        assert refused.add_track.cid == "c32"
