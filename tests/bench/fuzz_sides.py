"""How each kind of nonsense reaches the room server: one function a side, which returns how many inputs it sent."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from aiohttp import ClientError, ClientSession, ClientTimeout, ClientWebSocketResponse, WSMsgType
from aiortc import RTCDataChannel, RTCDataChannelParameters, RTCSctpCapabilities, RTCSctpTransport
from livekit.protocol import models, rtc
from OpenSSL import SSL
from pylibsrtp import Error

from engage_tui.server.app import RunningServer
from engage_tui.server.certificate import Certificate
from engage_tui.server.channels import run_now
from engage_tui.server.client import Client
from engage_tui.tasks import TaskGroup
from engage_tui.wire.data import DATA_TRACK, LOSSY, RELIABLE
from engage_tui.wire.sdp import Codec, Description, Section
from engage_tui.wire.token import DEV_KEY, Grants, create_token
from tests.bench import fuzz_inputs as inputs
from tests.bench.light_client import LightClient, LightTransport
from tests.embedded import SECRET, described
from tests.waiting import until

_TURN = 16  # inputs before the server has its turn
_VISIT = 400  # inputs of one session; then another one is made


class Ground:
    """What the sides need: the server, the dice, and sessions to spoil.

    Attributes:
        server: Runs in this process.
        chance: The dice.
        http: For honest requests, and those with dishonest bodies.
    """

    def __init__(self, server: RunningServer, chance: random.Random) -> None:
        self.server = server
        self.chance = chance
        self.http = ClientSession(timeout=ClientTimeout(10))
        self._sessions = 0

    async def close(self) -> None:
        """Free what is left."""
        await self.http.close()

    def token(self, identity: str, **grants: object) -> str:
        """A good token for the room that is spoiled."""
        allowed = Grants(room="loud", room_join=True, **grants)  # type: ignore[arg-type]
        return create_token(DEV_KEY, SECRET, allowed, identity=identity)

    @asynccontextmanager
    async def spoiler(self) -> AsyncIterator[Spoiler]:
        """A session whose two connections stand."""
        self._sessions += 1
        spoiler = Spoiler(self, f"spoiler {self._sessions}")
        try:
            await spoiler.join(self.http)
            await until(spoiler.ready, 10, "a session to spoil")
            yield spoiler
        finally:
            await spoiler.leave()


class SpoiledTransport(LightTransport):
    """A connection on which anything can be sent.

    Attributes:
        on_data: Gets what DTLS carried.
        datagrams: Those of the DTLS handshake.
    """

    def __init__(self, certificate: Certificate) -> None:
        super().__init__(certificate)
        self.on_data: Callable[[bytes], None] = lambda data: None
        self.datagrams: list[bytes] = []

    @property
    def stands(self) -> bool:
        return self._sessions is not None

    def send_rtcp(self, compound: bytes) -> None:
        """Protect and send."""
        assert self._sessions is not None
        self._send(self._sessions[1].protect_rtcp(compound))

    def send_data(self, data: bytes) -> None:
        """Send application data by DTLS."""
        self._ssl.send(data)
        self._flush()

    def send_datagram(self, data: bytes) -> None:
        """Send as it is."""
        self._send(data)

    def _send(self, data: bytes) -> None:
        if not self.stands and 20 <= data[0] < 64:
            self.datagrams.append(data)
        super()._send(data)

    def _on_dtls(self, data: bytes) -> None:
        super()._on_dtls(data)
        with contextlib.suppress(SSL.Error):
            while self.stands:
                self.on_data(self._ssl.recv(4096))


class Spoiler(LightClient):
    """A participant of the loud room with a sound track, a video of three layers and data channels."""

    def __init__(self, ground: Ground, name: str) -> None:
        certificate = Certificate()
        super().__init__(described(ground.server), "loud", name, certificate)
        for unused in (self.publisher, self.subscriber):
            unused.close()
        self.upward, self.downward = SpoiledTransport(certificate), SpoiledTransport(certificate)
        self.publisher, self.subscriber = self.upward, self.downward
        self._ground = ground

    def ready(self) -> bool:
        return self.upward.stands and self.downward.stands and self.seen is not None

    def receives(self) -> bool:
        """Somebody else's tracks are on their way to it."""
        return self.seen is not None and bool(self.seen.subscriber.subscriptions)

    @property
    def seen(self) -> Client | None:
        """The server's side of it."""
        room = self._ground.server.rooms.get("loud")
        return None if room is None else room.clients.get(self.name)

    @property
    def ssrcs(self) -> list[int]:
        """What it sends, and what it receives."""
        down = () if self.seen is None else self.seen.subscriber.subscriptions.values()
        return [self.audio, self.video, *(subscription.ssrc for subscription in down)]

    async def _publish(self) -> None:
        audio = Section("audio", "0", direction="sendonly", codecs=[Codec(111, "opus", 48000, 2)])
        video = Section("video", "1", direction="sendonly", codecs=[Codec(96, "VP8", 90000)])
        audio.ssrcs, audio.msid, video.msid = [self.audio], ("-", "a"), ("-", "v")
        video.rids = [(rid, "send") for rid in "qhf"]
        video.simulcast = "send q;h;f"
        for section in (audio, video):
            section.extensions = dict(enumerate(_EXTENSIONS, 1))
        data = Section("application", "2", sctp_port=5000)
        for cid, kind in (("a", models.TrackType.AUDIO), ("v", models.TrackType.VIDEO)):
            await self._request(add_track=rtc.AddTrackRequest(cid=cid, type=kind))
        sections = [self.publisher.describe(each) for each in (audio, video, data)]
        offer = str(Description(sections=sections))
        await self._request(offer=rtc.SessionDescription(type="offer", sdp=offer, id=1))


_EXTENSIONS = (
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "urn:ietf:params:rtp-hdrext:sdes:mid",
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
)


# -- strangers


async def http(ground: Ground, count: int) -> int:
    """Requests that are damaged, or none at all."""
    for _ in range(count):
        token = inputs.hostile_token(ground.chance, DEV_KEY, SECRET)
        await _raw(ground, inputs.http_request(ground.chance, token))
    return count


async def _raw(ground: Ground, data: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", ground.server.port)
    try:
        writer.write(data)
        writer.write_eof()
        async with asyncio.timeout(5):
            await reader.read()
    except (ConnectionError, TimeoutError):
        pass
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def tokens(ground: Ground, count: int) -> int:
    """Well-formed requests whose tokens open nothing: each must be refused."""
    address = f"{ground.server.http_url}/rtc/validate"
    for _ in range(count):
        token = inputs.hostile_token(ground.chance, DEV_KEY, SECRET)
        in_address = ground.chance.random() < 0.5
        headers = {} if in_address else {"Authorization": f"Bearer {token}"}
        query = {"access_token": token} if in_address else {}
        with contextlib.suppress(ClientError, ValueError):  # some are no header at all
            async with ground.http.get(address, params=query, headers=headers) as answer:
                assert answer.status in (400, 401), (answer.status, token)
    return count


async def twirp(ground: Ground, count: int) -> int:
    """Calls of an administrator who does not know how; one in ten without a right to call."""
    good = ground.token("admin", room_admin=True, room_list=True, room_create=True)
    for _ in range(count):
        method, kind, body = inputs.twirp_call(ground.chance)
        bad = ground.chance.random() < 0.1
        token = inputs.hostile_token(ground.chance, DEV_KEY, SECRET) if bad else good
        address = f"{ground.server.http_url}/twirp/livekit.RoomService/{method}"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        with contextlib.suppress(ClientError, ValueError):
            async with ground.http.post(address, data=body, headers=headers) as answer:
                assert answer.status != 500, (method, body)
                assert not bad or answer.status != 200, (method, token)
    return count


async def udp(ground: Ground, count: int) -> int:
    """Datagrams from addresses that nobody knows."""
    with _stranger(ground) as stranger:
        for number in range(count):
            stranger.send(inputs.datagram(ground.chance))
            await _turn(number)
    return count


async def stun(ground: Ground, count: int) -> int:
    """Connectivity checks for a session, signed and not."""
    async with ground.spoiler() as spoiler:
        seen = spoiler.seen
        assert seen is not None
        with _stranger(ground) as stranger:
            for number in range(count):
                transport = seen.subscriber.transport
                stranger.send(inputs.check(ground.chance, transport.ufrag, transport.password))
                await _turn(number)
    return count


def _stranger(ground: Ground) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.connect(("127.0.0.1", ground.server.rtc_port))
    return made


async def _turn(number: int) -> None:
    if number % _TURN == 0:
        await asyncio.sleep(0)


# -- participants


async def websocket(ground: Ground, count: int) -> int:
    """Signalling messages, each session until one of them ends it; and frames that are none."""
    sent = 0
    while sent < count:
        token, path = (
            ground.token(f"ws {sent}"),
            ground.chance.choice(("", "&sid=x", "&auto_subscribe=0")),
        )
        address = f"{ground.server.url}/rtc?protocol=16{path}"
        headers = {"Authorization": f"Bearer {token}"}
        async with ground.http.ws_connect(address, headers=headers) as ws:
            tasks = TaskGroup("reader")
            tasks.spawn(_drain(ws), "drain")
            sent += await _spoil(ground, ws, min(_VISIT, count - sent))
            await tasks.cancel()
    return sent


async def _spoil(ground: Ground, ws: ClientWebSocketResponse, count: int) -> int:
    for number in range(count):
        frame = inputs.signal_frame(ground.chance)
        if ws.closed:
            return max(1, number)
        if inputs.ends_its_session(frame):
            continue
        with contextlib.suppress(ConnectionError):
            if isinstance(frame, str):
                await ws.send_str(frame)
            else:
                await ws.send_bytes(frame)
        await _turn(number)
    raw = ws._writer.transport
    raw.write(ground.chance.randbytes(ground.chance.randint(1, 40)))
    with contextlib.suppress(ConnectionError):
        await ws.send_bytes(rtc.SignalRequest(leave=rtc.LeaveRequest()).SerializeToString())
    return count


async def _drain(ws: ClientWebSocketResponse) -> None:
    async for message in ws:
        if message.type is WSMsgType.CLOSE:
            return


async def dtls(ground: Ground, count: int) -> int:
    """A handshake's own datagrams, damaged, before and after it; each to a session of its own."""
    sent = 0
    while sent < count:
        async with ground.spoiler() as spoiler:
            for number in range(min(_VISIT, count - sent)):
                side = ground.chance.choice((spoiler.upward, spoiler.downward))
                side.send_datagram(
                    inputs.damaged(ground.chance.choice(side.datagrams), ground.chance)
                )
                sent += 1
                await _turn(number)
    return sent


async def rtp(ground: Ground, count: int) -> int:
    """Packets that are properly protected; one in ten is replayed."""
    return await _media(ground, count, inputs.rtp, lambda side, data: side.send_rtp(data))


async def rtcp(ground: Ground, count: int) -> int:
    """Feedback that is properly protected, on both connections."""
    return await _media(ground, count, inputs.rtcp, lambda side, data: side.send_rtcp(data))


async def _media(
    ground: Ground,
    count: int,
    make: Callable[[random.Random, list[int]], bytes],
    send: Callable[[SpoiledTransport, bytes], None],
) -> int:
    sent = 0
    while sent < count:
        async with ground.spoiler() as spoiler, ground.spoiler() as other:
            await until(other.receives, 10)
            for number in range(min(5 * _VISIT, count - sent)):
                sender = ground.chance.choice((spoiler, other))
                side = ground.chance.choice((sender.upward, sender.upward, sender.downward))
                with contextlib.suppress(
                    Error
                ):  # some cannot be protected, so nobody could send them
                    send(side, make(ground.chance, sender.ssrcs))
                sent += 1
                await _turn(number)
    return sent


async def sctp(ground: Ground, count: int) -> int:
    """Packets of an association that stands, with good checksums."""
    sent = 0
    while sent < count:
        async with ground.spoiler() as spoiler, _channels(spoiler):
            assert spoiler.seen is not None
            for number in range(min(_VISIT, count - sent)):
                theirs = spoiler.seen.publisher.channels._sctp
                if theirs is None:
                    break  # it was cut off, as it deserved
                tag, tsn = theirs._local_verification_tag, theirs._last_received_tsn or 0
                spoiler.upward.send_data(inputs.sctp_packet(ground.chance, tag, tsn))
                sent += 1
                await _turn(number)
    return sent


async def data(ground: Ground, count: int) -> int:
    """Messages on the data channels."""
    sent = 0
    while sent < count:
        async with ground.spoiler() as spoiler, _channels(spoiler) as channels:
            for number in range(min(_VISIT, count - sent)):
                channels[number % 3].send(inputs.data_packet(ground.chance))
                sent += 1
                await _turn(number)
            await until(partial(_is_sent, channels), 10)
    return sent


def _is_sent(channels: list[RTCDataChannel]) -> bool:
    return not any(each.bufferedAmount for each in channels)


class _Carrier:
    """The client's DTLS as aiortc's SCTP asks for it."""

    _role = "client"
    state = "connected"

    def __init__(self, transport: SpoiledTransport) -> None:
        self._transport = transport

    def _register_data_receiver(self, receiver: RTCSctpTransport) -> None:
        self._transport.on_data = lambda packet: run_now(receiver._handle_data(packet))

    def _unregister_data_receiver(self, receiver: RTCSctpTransport) -> None:
        self._transport.on_data = lambda packet: None

    async def _send_data(self, packet: bytes) -> None:
        self._transport.send_data(packet)


@asynccontextmanager
async def _channels(spoiler: Spoiler) -> AsyncIterator[list[RTCDataChannel]]:
    """An association of its publishing connection, with LiveKit's three channels open."""
    end = RTCSctpTransport(_Carrier(spoiler.upward), port=5000)  # type: ignore[arg-type]
    opened = [
        RTCDataChannel(end, RTCDataChannelParameters(label=label, ordered=label == RELIABLE))
        for label in (RELIABLE, LOSSY, DATA_TRACK)
    ]
    run_now(end.start(RTCSctpCapabilities(maxMessageSize=65536), 5000))
    try:
        await until(lambda: all(each.readyState == "open" for each in opened), 10, "channels")
        yield opened
    finally:
        run_now(end.stop())
