"""The embedded room server: started and stopped as one thing, in any asyncio loop."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import ssl
import time

from aiohttp import web
from livekit.protocol import models, rtc

from engage_tui.errors import UsageError
from engage_tui.server.access import Refused
from engage_tui.server.addresses import checked_node_ips, listening, resolve
from engage_tui.server.api import RoomService
from engage_tui.server.channels import load
from engage_tui.server.client import Client
from engage_tui.server.config import ServerConfig as ServerConfig
from engage_tui.server.config import tls_context
from engage_tui.server.doorway import Doorway
from engage_tui.server.events import Happening, RoomEvent
from engage_tui.server.http_log import HTTP_LOG
from engage_tui.server.metrics import CONTENT_TYPE, Metrics
from engage_tui.server.mux import UdpMux, bind_error
from engage_tui.server.room import Room
from engage_tui.server.signaling import Signaling, join_response
from engage_tui.server.speakers import WINDOW
from engage_tui.server.strangers import Strangers
from engage_tui.server.webhooks import Webhooks
from engage_tui.tasks import TaskGroup
from engage_tui.wire.signal import SignalOptions
from engage_tui.wire.token import DEV_KEY, DEV_SECRET, Claims, create_token

_log = logging.getLogger(__name__)

_TICK = 0.05
_REPORT = 1.0
_UNHEALTHY = 5.0  # seconds without a tick
_FULL = "node has exceeded its configured limit"  # the words of livekit-server
_MAX_LINE = 64 * 1024  # bytes of a request line: tokens travel in the address


class RunningServer:
    """A server that accepts clients; made by `start_server`.

    Attributes:
        config: As given.
        host: The bound address.
        port: The bound TCP port.
        rtc_port: The bound UDP port.
        rooms: By name; a room goes some time after its last participant.
        mux: The UDP port.
        metrics: Counters.
        webhooks: Where events are posted.
    """

    def __init__(self, config: ServerConfig, host: str, mux: UdpMux) -> None:
        self.config = config
        self.host = host
        self.port = 0
        self.rtc_port = mux.port
        self.rooms: dict[str, Room] = {}
        self.mux = mux
        self._tasks = TaskGroup("server")
        application = Signaling(self).application()
        RoomService(self).add_routes(application)
        if config.metrics:
            application.router.add_get("/metrics", self._metrics)
        self.metrics = Metrics()
        key = config.webhook_key or next(iter(config.keys))
        self.webhooks = Webhooks(config.webhook_urls, key, config.keys[key])
        self._ticked = time.monotonic()
        self._runner = web.AppRunner(
            application,
            handle_signals=False,
            access_log=None,
            logger=HTTP_LOG,
            shutdown_timeout=1.0,
            max_line_size=_MAX_LINE,
            max_field_size=_MAX_LINE,
        )
        self._doorway: Doorway | None = None
        self._stopped = False

    @property
    def url(self) -> str:
        """Where clients of this machine reach it."""
        host = "127.0.0.1" if ipaddress.ip_address(self.host).is_unspecified else self.host
        host = f"[{host}]" if ":" in host else host
        return f"{'wss' if self.config.certificate else 'ws'}://{host}:{self.port}"

    @property
    def http_url(self) -> str:
        """The same address for plain HTTP."""
        return self.url.replace("ws", "http", 1)

    @property
    def strangers(self) -> Strangers | None:
        """The connections to the TCP port that have asked for nothing yet; None before it is open."""
        return None if self._doorway is None else self._doorway.strangers

    @property
    def is_healthy(self) -> bool:
        """Its clock runs."""
        return time.monotonic() - self._ticked < _UNHEALTHY

    @property
    def participants(self) -> int:
        """How many people are in all rooms."""
        return sum(len(room.clients) for room in self.rooms.values())

    @property
    def video_tracks(self) -> int:
        """How many videos are published, or announced, in all rooms."""
        clients = [client for room in self.rooms.values() for client in room.clients.values()]
        return sum(client.publisher.videos for client in clients)

    def check_room_for(self, claims: Claims) -> None:
        """Whether one more participant is taken; who comes back in place of a session always is.

        Raises:
            Refused: The server or the room is full (503).
        """
        room = self.rooms.get(claims.grants.room)
        if room is not None:
            if claims.identity in room.clients:
                return
            if 0 < room.info.max_participants <= len(room.clients):
                raise Refused(
                    503, f"room has exceeded its limit of {room.info.max_participants} participants"
                )
        elif len(self.rooms) >= self.config.limits.rooms:
            raise Refused(503, f"{_FULL} of {self.config.limits.rooms} rooms")
        if self.participants >= self.config.limits.participants:
            raise Refused(503, f"{_FULL} of {self.config.limits.participants} participants")

    def open_room(self, name: str) -> Room:
        """The room of that name, made if need be."""
        room = self.rooms.get(name)
        if room is None:
            room = self.rooms[name] = Room(
                name,
                empty_timeout=self.config.empty_timeout,
                departure_timeout=self.config.departure_timeout,
                listener=self._on_event,
                limits=self.config.limits,
                takes_video=lambda: self.video_tracks < self.config.limits.video_tracks,
            )
            room.happened(Happening.ROOM_STARTED)
        return room

    def close_room(self, room: Room, reason: models.DisconnectReason) -> None:
        """Send everybody in it a leave, and forget it."""
        for client in list(room.clients.values()):
            client.leave(reason, rtc.LeaveRequest.Action.DISCONNECT)
        if self.rooms.get(room.info.name) is room:
            del self.rooms[room.info.name]
            room.happened(Happening.ROOM_FINISHED)

    def admit(self, claims: Claims, options: SignalOptions) -> Client:
        """Start a session: the room is made if need be, the others are told, the join is sent."""
        room = self.open_room(claims.grants.room)
        client = Client(room, self.mux, claims, options)
        met = room.join(client)
        client.send(join_response(client, met))
        room.welcome(client)
        client.renew = self._token
        _log.info("%r joins %r", claims.identity, claims.grants.room)
        return client

    def session_of(self, claims: Claims, options: SignalOptions) -> Client | None:
        """The session that a client wants to resume, if it is still there."""
        room = self.rooms.get(claims.grants.room)
        client = None if room is None else room.clients.get(claims.identity)
        wanted = options.reconnect_sid, options.single
        if client is None or (client.sid, client.options.single) != wanted:
            return None
        return client if client.resumable else None

    def _token(self, client: Client, life: float) -> str:
        claims = client.claims
        return create_token(
            claims.key,
            self.config.keys[claims.key],
            claims.grants,
            identity=claims.identity,
            name=client.info.name,
            metadata=client.info.metadata,
            attributes=client.info.attributes,
            ttl=life,
        )

    async def stop(self) -> None:
        """Send everybody a leave (SERVER_SHUTDOWN), then free the ports; idempotent."""
        if self._stopped:
            return
        self._stopped = True
        await self._tasks.cancel()
        clients = [client for room in self.rooms.values() for client in room.clients.values()]
        for room in list(self.rooms.values()):
            self.close_room(room, models.DisconnectReason.SERVER_SHUTDOWN)
        await asyncio.gather(*(client.finished() for client in clients))
        await self.webhooks.stop()
        if self._doorway is not None:
            await self._doorway.close()
        await self._runner.cleanup()
        self.mux.close()

    async def listen(self, tls: ssl.SSLContext | None = None) -> None:
        """Open the TCP port and start the clock; `start_server` does this.

        Args:
            tls: Serve TLS with this.

        Raises:
            PortInUseError: The port is taken.
        """
        await self._runner.setup()
        inside = self._runner.server
        assert inside is not None  # since the setup
        doorway = Doorway(inside, self.config.limits, tls)
        try:
            bound = listening(self.host, self.config.port, socket.SOCK_STREAM)
            self.port = await doorway.listen(bound)
        except OSError as error:
            await self._runner.cleanup()
            raise bind_error(error, self.host, self.config.port, "TCP", "--port") from error
        self._doorway = doorway
        await self.mux.listen_tcp()
        self.webhooks.start()
        self._tasks.spawn(self._clock(), "clock")
        self._tasks.spawn(asyncio.to_thread(load), "import")

    async def _clock(self) -> None:
        """Feedback 20 times a second, speakers each window, reports each second."""
        speakers = second = time.monotonic()
        while True:
            await asyncio.sleep(_TICK)
            now = self._ticked = time.monotonic()
            tell, report = now - speakers >= WINDOW, now - second >= _REPORT
            speakers = now if tell else speakers
            second = now if report else second
            for room in list(self.rooms.values()):
                try:
                    _advance(room, now, tell=tell, report=report)
                except Exception:  # noqa: BLE001 - packet border: one room's trouble is not another's
                    _log.warning("the clock of room %r failed", room.info.name, exc_info=True)
                if room.is_over(now):
                    self.close_room(room, models.DisconnectReason.ROOM_CLOSED)

    def _on_event(self, event: RoomEvent) -> None:
        self.metrics.count(event)
        self.webhooks.put(event)

    async def _metrics(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(text=self.metrics.render(self), headers={"Content-Type": CONTENT_TYPE})


async def start_server(config: ServerConfig | None = None) -> RunningServer:
    """Start a room server in the running loop; it accepts clients when this returns.

    Args:
        config: Addresses, ports, keys.

    Raises:
        PortInUseError: A port is taken.
        UsageError: The address is none of this machine's, the TLS files are not good, or the development secret
            would be open to others.
    """
    config = config or ServerConfig()
    host = resolve(config.bind)
    if not ipaddress.ip_address(host).is_loopback and config.keys.get(DEV_KEY) == DEV_SECRET:
        raise UsageError(
            f"Refusing to listen on {config.bind} with the development secret: anybody could join.",
            "Choose a secret with --secret (at least 32 characters), or bind to 127.0.0.1.",
        )
    tls = tls_context(config)
    mux = UdpMux(host, config.rtc_port, checked_node_ips(config.node_ips), config.limits)
    server = RunningServer(config, host, mux)
    try:
        await server.listen(tls)
    except BaseException:
        mux.close()
        raise
    return server


def _advance(room: Room, now: float, *, tell: bool, report: bool) -> None:
    for client in list(room.clients.values()):
        client.publisher.tick(now)
        if report:
            client.tick(now)
    if tell:
        room.tell_speakers()
    if report:
        room.tell_qualities(now)
