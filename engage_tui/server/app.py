"""The embedded room server: started and stopped as one thing, in any asyncio loop."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web
from livekit.protocol import models, rtc

from engage_tui.errors import UsageError
from engage_tui.server.channels import load
from engage_tui.server.client import Client
from engage_tui.server.mux import UdpMux, bind_error
from engage_tui.server.room import Room
from engage_tui.server.signaling import Signaling, join_response
from engage_tui.server.speakers import WINDOW
from engage_tui.tasks import TaskGroup
from engage_tui.wire.signal import SignalOptions
from engage_tui.wire.token import DEV_KEY, DEV_SECRET, Claims

_log = logging.getLogger(__name__)

_TICK = 0.05
_MAX_LINE = 64 * 1024  # bytes of a request line: tokens travel in the address


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """How a server is started.

    Attributes:
        bind: Address to listen on, by TCP and UDP; ``0.0.0.0`` for all.
        port: Of HTTP and signalling; 0 takes a free one.
        rtc_port: The UDP port of all media; 0 takes a free one.
        keys: API keys and their secrets.
        max_participants: In all rooms together.
        single_connection: Serve LiveKit's v1 path (`/rtc/v1`) too, not only v0.
    """

    bind: str = "127.0.0.1"
    port: int = 7880
    rtc_port: int = 7882
    keys: Mapping[str, str] = field(default_factory=lambda: {DEV_KEY: DEV_SECRET})
    max_participants: int = 100
    single_connection: bool = True


class RunningServer:
    """A server that accepts clients; made by `start_server`.

    Attributes:
        config: As given.
        host: The bound address.
        port: The bound TCP port.
        rtc_port: The bound UDP port.
        rooms: By name; a room goes with its last participant.
    """

    def __init__(self, config: ServerConfig, host: str, mux: UdpMux) -> None:
        self.config = config
        self.host = host
        self.port = 0
        self.rtc_port = mux.port
        self.rooms: dict[str, Room] = {}
        self._mux = mux
        self._tasks = TaskGroup("server")
        self._runner = web.AppRunner(
            Signaling(self).application(),
            handle_signals=False,
            access_log=None,
            shutdown_timeout=1.0,
            max_line_size=_MAX_LINE,
            max_field_size=_MAX_LINE,
        )
        self._stopped = False

    @property
    def url(self) -> str:
        """Where clients of this machine reach it."""
        host = "127.0.0.1" if ipaddress.ip_address(self.host).is_unspecified else self.host
        return f"ws://{host}:{self.port}"

    @property
    def is_full(self) -> bool:
        """No more participants are taken."""
        return sum(len(r.clients) for r in self.rooms.values()) >= self.config.max_participants

    def admit(self, claims: Claims, options: SignalOptions) -> Client:
        """Start a session: the room is made if need be, the others are told, the join is sent."""
        room = self.rooms.get(claims.grants.room)
        if room is None:
            room = self.rooms[claims.grants.room] = Room(claims.grants.room)
        client = Client(room, self._mux, claims, options)
        met = room.join(client)
        client.send(join_response(client, met))
        room.welcome(client)
        _log.info("%r joins %r", claims.identity, claims.grants.room)
        return client

    async def stop(self) -> None:
        """Send everybody a leave (SERVER_SHUTDOWN), then free the ports; idempotent."""
        if self._stopped:
            return
        self._stopped = True
        await self._tasks.cancel()
        clients = [client for room in self.rooms.values() for client in room.clients.values()]
        for client in clients:
            client.leave(
                models.DisconnectReason.SERVER_SHUTDOWN, rtc.LeaveRequest.Action.DISCONNECT
            )
        await asyncio.gather(*(client.finished() for client in clients))
        await self._runner.cleanup()
        self.rooms.clear()
        self._mux.close()

    async def listen(self) -> None:
        """Open the TCP port and start the clock; `start_server` does this.

        Raises:
            PortInUseError: The port is taken.
        """
        await self._runner.setup()
        try:
            site = web.TCPSite(self._runner, self.host, self.config.port)
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise bind_error(error, self.host, self.config.port, "TCP", "--port") from error
        self.port = self._runner.addresses[0][1]
        self._tasks.spawn(self._clock(), "clock")
        self._tasks.spawn(asyncio.to_thread(load), "import")

    async def _clock(self) -> None:
        """Feedback 20 times a second, speakers each window, reports each second."""
        speakers = second = time.monotonic()
        while True:
            await asyncio.sleep(_TICK)
            now = time.monotonic()
            tell, report = now - speakers >= WINDOW, now - second >= 1.0
            speakers = now if tell else speakers
            second = now if report else second
            for room in list(self.rooms.values()):
                try:
                    _advance(room, now, tell=tell, report=report)
                except Exception:  # noqa: BLE001 - packet border: one room's trouble is not another's
                    _log.warning("the clock of room %r failed", room.info.name, exc_info=True)
                if not room.clients:
                    del self.rooms[room.info.name]


async def start_server(config: ServerConfig | None = None) -> RunningServer:
    """Start a room server in the running loop; it accepts clients when this returns.

    Args:
        config: Addresses, ports, keys.

    Raises:
        PortInUseError: A port is taken.
        UsageError: The address is none of this machine's, or the development secret would be open to others.
    """
    config = config or ServerConfig()
    host = _resolve(config.bind)
    if not ipaddress.ip_address(host).is_loopback and config.keys.get(DEV_KEY) == DEV_SECRET:
        raise UsageError(
            f"Refusing to listen on {config.bind} with the development secret: anybody could join.",
            "Choose a secret with --secret (at least 32 characters), or bind to 127.0.0.1.",
        )
    mux = UdpMux(host, config.rtc_port)
    server = RunningServer(config, host, mux)
    try:
        await server.listen()
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


def _resolve(bind: str) -> str:
    try:
        return str(socket.getaddrinfo(bind, None, socket.AF_INET)[0][4][0])
    except OSError as error:
        raise UsageError(
            f"{bind!r} is no address that can be bound.", "Use an IPv4 address of this machine."
        ) from error
