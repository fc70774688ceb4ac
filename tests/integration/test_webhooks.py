"""Webhooks as LiveKit's own receiver reads them, health, and metrics as a parser reads them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from aiohttp import ClientSession, web
from livekit import api
from livekit.protocol import models, rtc
from livekit.protocol.webhook import WebhookEvent
from prometheus_client.parser import text_string_to_metric_families

from engage_tui import RoomOptions, Space, create_local_audio_track
from engage_tui.server import webhooks
from engage_tui.server.app import RunningServer
from engage_tui.server.events import Happening, RoomEvent
from engage_tui.server.limits import Limits
from engage_tui.wire.token import DEV_KEY
from tests.embedded import SECRET, access_token, embedded_server
from tests.integration.signal_client import signalling
from tests.waiting import until


class Hook:
    """An HTTP server that takes webhooks and verifies them.

    Attributes:
        events: What came, verified.
        answers: Status codes to give, the last for ever.
        asked: Requests so far.
    """

    def __init__(self) -> None:
        self.events: list[WebhookEvent] = []
        self.answers = [200]
        self.asked = 0
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.asked += 1
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if status == 200:
            assert request.content_type == "application/webhook+json"
            receiver = api.WebhookReceiver(api.TokenVerifier(DEV_KEY, SECRET))
            body = await request.text()
            self.events.append(receiver.receive(body, request.headers["Authorization"]))
            with pytest.raises(Exception, match="hash mismatch"):
                receiver.receive(body + " ", request.headers["Authorization"])
        return web.Response(status=status)

    def kinds(self) -> list[str]:
        return [event.event for event in self.events]


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    made = Hook()
    application = web.Application()
    application.router.add_post("/hook", made.take)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield made
    finally:
        await runner.cleanup()


async def test_a_rooms_life_is_told_in_order(hook: Hook) -> None:
    async with embedded_server(webhook_urls=(hook.url,), departure_timeout=0) as server:
        async with Space() as space:
            room = space.join_room(server.url, access_token("ada"), RoomOptions(microphones=False))
            await room.connected()
            await until(lambda: "participant_joined" in hook.kinds())
            local = room.local_participant
            track = await create_local_audio_track("test")
            published = await local.publish_track(track)
            await until(lambda: "track_published" in hook.kinds(), 10)
            await local.unpublish_track(track)
            await until(lambda: "track_unpublished" in hook.kinds(), 10)
        await until(lambda: "room_finished" in hook.kinds())
    assert hook.kinds() == [
        "room_started",
        "participant_joined",
        "track_published",
        "track_unpublished",
        "participant_left",
        "room_finished",
    ]
    assert len({event.room.sid for event in hook.events}) == 1
    assert len({event.id for event in hook.events}) == len(hook.events)
    assert all(event.created_at > 1_600_000_000 for event in hook.events)
    assert hook.events[1].participant.state == models.ParticipantInfo.ACTIVE
    assert hook.events[2].track.sid == hook.events[3].track.sid == published.track_sid
    assert hook.events[4].participant.identity == "ada"
    assert hook.events[4].participant.disconnect_reason == models.CLIENT_INITIATED


async def test_who_never_gets_through_is_told_as_aborted_and_stopping_tells_the_end(
    hook: Hook,
) -> None:
    async with embedded_server(webhook_urls=(hook.url,)) as server, signalling(server) as ada:
        await ada.get("join")
        await server.stop()
        assert hook.kinds() == ["room_started", "participant_connection_aborted", "room_finished"]


def happening(number: int = 0) -> RoomEvent:
    return RoomEvent(Happening.ROOM_STARTED, models.Room(name=f"r{number}"))


@asynccontextmanager
async def posting(*urls: str) -> AsyncIterator[webhooks.Webhooks]:
    made = webhooks.Webhooks(urls, DEV_KEY, SECRET, wait=0.01)
    made.start()
    try:
        yield made
    finally:
        await made.stop()


async def test_a_failed_attempt_is_repeated_and_then_given_up(hook: Hook) -> None:
    hook.answers = [500, 503, 200]
    async with posting(hook.url) as poster:
        poster.put(happening())
        await until(lambda: poster.delivered == 1)
        assert hook.asked == 3
        hook.answers = [500]
        poster.put(happening())
        await until(lambda: poster.failed == 1)
        assert hook.asked == 3 + webhooks.TRIES
        hook.answers = [404]  # understood and refused: no use in trying again
        poster.put(happening())
        await until(lambda: poster.failed == 2)
        assert hook.asked == 4 + webhooks.TRIES


async def test_a_dead_address_holds_up_nobody_and_its_queue_is_bounded(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "_GOODBYE", 0.05)
    async with posting("http://127.0.0.1:9/dead", hook.url) as poster:
        poster.put(happening())
        await until(lambda: len(hook.events) == 1)
        for number in range(webhooks.QUEUE + 20):
            poster.put(happening(number))
        assert poster.failed >= 20
        await until(lambda: hook.kinds(), what="the living address")
        await until(lambda: hook.events[-1].room.name == f"r{webhooks.QUEUE - 1}")
        poster.put(happening())
        await until(lambda: hook.events[-1].num_dropped == 20)


# -- health and metrics


@contextmanager
def broken_clock(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setattr("engage_tui.server.app._UNHEALTHY", -1.0)
        yield


async def read(server: RunningServer, path: str) -> tuple[int, str]:
    async with ClientSession() as session, session.get(server.http_url + path) as answer:
        return answer.status, await answer.text()


async def test_health(monkeypatch: pytest.MonkeyPatch) -> None:
    async with embedded_server() as server:
        assert await read(server, "/") == (200, "OK")
        with broken_clock(server, monkeypatch):
            assert (await read(server, "/"))[0] == 406


async def samples(server: RunningServer) -> Callable[..., float]:
    status, text = await read(server, "/metrics")
    assert status == 200
    found = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }

    def value(name: str, **labels: str) -> float:
        return found[name, tuple(sorted(labels.items()))]

    return value


async def test_metrics_count_what_is_there_and_what_happened() -> None:
    async with embedded_server(limits=Limits(participants=1)) as server:
        value = await samples(server)
        assert value("engage_rooms") == value("engage_participants") == 0
        async with signalling(server, "ada") as ada:
            await ada.get("join")
            async with ClientSession() as session:
                token = access_token("bob")
                url = f"{server.http_url}/rtc"
                async with session.get(url, params={"access_token": token}) as refused:
                    assert refused.status == 503
                    assert "1 participants" in await refused.text()
            value = await samples(server)
            assert value("engage_rooms") == value("engage_participants") == 1
            assert value("engage_participants_limit") == 1
            assert value("engage_tracks", kind="audio") == 0
            assert value("engage_events_total", event="room_started") == 1
            assert value("engage_joins_refused_total", status="503") == 1
            assert value("process_cpu_seconds_total") > 0
            _, text = await read(server, "/metrics")
            assert "ada" not in text
            await ada.send(rtc.SignalRequest(leave=rtc.LeaveRequest()))
            await until(lambda: ada.closed is not None)
        assert (await samples(server))("engage_participants") == 0
    async with embedded_server(metrics=False) as server:
        assert (await read(server, "/metrics"))[0] == 404
