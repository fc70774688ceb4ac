"""A client that costs little: ICE, DTLS and SRTP on a socket of its own, stamped packets instead of media.

It joins a LiveKit server (ours or livekit-server) by v0, publishes a microphone and a camera, subscribes to
everybody, and counts what comes. Nothing is decoded; one packet in `SAMPLE` is decrypted for its time stamp, the
others are counted as they are. Arrival times are the kernel's, so that a slow reader does not look like a slow server.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import struct
import time
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType
from aioice import stun
from livekit.protocol import models, rtc
from OpenSSL import SSL
from pylibsrtp import Error, Policy, Session

from engage_tui.server.certificate import PROFILES, Certificate
from engage_tui.tasks import TaskGroup
from engage_tui.wire import sdp
from engage_tui.wire.sdp import Codec, Description, Section
from tests.servers import TestServer

SAMPLE = 7
"""One packet in so many has its latency measured."""

STAMP = b"STMP"
_SO_TIMESTAMPNS = 35  # Linux; not named by the socket module
_CHECK_EVERY = 0.05
_KEEP_ALIVE = 2.0
_BURST = 64
_CANDIDATE = "1 1 udp 2130706431 127.0.0.1 {} typ host"


class LightTransport:
    """ICE (both roles, as far as one host candidate needs them), DTLS as client, SRTP.

    Attributes:
        received: Media packets that came, padding left out.
        latencies: Nanoseconds from stamp to arrival, of the sampled ones.
        connected: Set when media can be sent.
    """

    def __init__(self, certificate: Certificate) -> None:
        self.received = 0
        self.latencies: list[int] = []
        self.connected = asyncio.Event()
        self._certificate = certificate
        self._ufrag, self._password = secrets.token_hex(4), secrets.token_hex(12)
        self._remote = ("", "")
        self._checks = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))
        self._address: tuple[str, int] | None = None
        self._candidates: set[tuple[str, int]] = set()
        self._ssl = SSL.Connection(certificate.context, None)
        self._ssl.set_connect_state()
        self._ssl.set_ciphertext_mtu(1200)
        self._sessions: tuple[Session, Session] | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def describe(self, section: Section) -> Section:
        """Write the transport's attributes into a section."""
        section.ice_ufrag, section.ice_pwd = self._ufrag, self._password
        section.fingerprint, section.setup = self._certificate.fingerprint, "active"
        section.candidates = [_CANDIDATE.format(self._socket.getsockname()[1])]
        return section

    def connect(self, remote: Section, *, checks: bool) -> None:
        """Begin, or go on, with the remote's description.

        Args:
            remote: Any section of it.
            checks: We are in control, or the other side makes no checks itself.
        """
        self._remote, self._checks = (remote.ice_ufrag, remote.ice_pwd), checks
        for candidate in remote.candidates:
            self.add_candidate(candidate)
        if self._timer is None:
            self._check()

    def add_candidate(self, candidate: str) -> None:
        """Take a remote candidate; other kinds than UDP on IPv4 are ignored."""
        words = candidate.split()
        if len(words) > 5 and words[2].lower() == "udp" and words[4].count(".") == 3:
            self._candidates.add((words[4], int(words[5])))

    def send_rtp(self, packet: bytes) -> None:
        """Protect and send."""
        assert self._sessions is not None
        self._send(self._sessions[1].protect(packet))

    def close(self) -> None:
        """End it."""
        if self._timer is not None:
            self._timer.cancel()
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    # -- from the socket

    def _readable(self) -> None:
        receive = self._socket.recvmsg
        for _ in range(_BURST):
            try:
                data, ancillary, _, address = receive(2048, 64)
            except (BlockingIOError, ConnectionRefusedError):
                return
            first = data[0]
            if first >= 128:
                if not 192 <= data[1] < 224 and not first & 0x20:
                    self.received += 1
                    if self.received % SAMPLE == 0:
                        self._measure(data, ancillary)
            elif first >= 20:
                self._on_dtls(data)
            else:
                self._on_stun(data, address)

    def _measure(self, data: bytes, ancillary: list[Any]) -> None:
        if self._sessions is None:
            return
        seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
        try:
            packet = self._sessions[0].unprotect(data)
        except Error:
            return
        at = packet.find(STAMP, 12, 80)
        if at > 0:
            sent = int.from_bytes(packet[at + 4 : at + 12], "big")
            self.latencies.append(seconds * 1_000_000_000 + nanoseconds - sent)

    def _on_stun(self, data: bytes, address: tuple[str, int]) -> None:
        try:
            message = stun.parse_message(data)
        except ValueError:
            return
        if message.message_class is stun.Class.REQUEST:
            response = stun.Message(
                stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=message.transaction_id
            )
            response.attributes["XOR-MAPPED-ADDRESS"] = address
            response.add_message_integrity(self._password.encode())
            self._socket.sendto(bytes(response), address)
        elif message.message_class is not stun.Class.RESPONSE:
            return
        if self._address is None:
            self._address = address
            self._handshake()

    def _check(self) -> None:
        if self._checks and self._remote[0] != "":
            for address in [self._address] if self._address else self._candidates:
                self._socket.sendto(self._request(), address)
        wait = _KEEP_ALIVE if self._address else _CHECK_EVERY
        self._timer = self._loop.call_later(wait, self._check)

    def _request(self) -> bytes:
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{self._remote[0]}:{self._ufrag}"
        request.attributes["PRIORITY"] = 1845501695
        request.attributes["ICE-CONTROLLING"] = 12345
        request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(self._remote[1].encode())
        return bytes(request)

    # -- DTLS

    def _handshake(self) -> None:
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            self._flush()
            return
        self._flush()
        chosen = self._ssl.get_selected_srtp_profile()
        profile = next(each for each in PROFILES if each.name == chosen)
        material = self._ssl.export_keying_material(
            b"EXTRACTOR-dtls_srtp", 2 * (profile.key + profile.salt)
        )
        policies = [
            Policy(
                key=profile.key_and_salt(material, side),
                ssrc_type=kind,
                srtp_profile=profile.libsrtp,
            )
            for side, kind in ((1, Policy.SSRC_ANY_INBOUND), (0, Policy.SSRC_ANY_OUTBOUND))
        ]
        self._sessions = Session(policies[0]), Session(policies[1])
        self.connected.set()

    def _on_dtls(self, data: bytes) -> None:
        if self._address is None:
            return  # the goodbye of somebody who had this port before
        self._ssl.bio_write(data)
        if self._sessions is None:
            self._handshake()

    def _flush(self) -> None:
        """Send whole records: the memory BIO is a byte stream."""
        try:
            data = self._ssl.bio_read(65536)
        except SSL.WantReadError:
            return
        while data:
            end = 13 + struct.unpack_from("!H", data, 11)[0]
            self._send(data[:end])
            data = data[end:]

    def _send(self, data: bytes) -> None:
        assert self._address is not None
        self._socket.sendto(data, self._address)


class LightClient:
    """A participant.

    Attributes:
        camera: Whether it has one.
        tracks: Tracks that the server sends by its last offer.
        sent: Media packets sent.
        publisher, subscriber: The two connections.
    """

    def __init__(
        self,
        server: TestServer,
        room: str,
        name: str,
        certificate: Certificate,
        *,
        camera: bool = True,
    ) -> None:
        self.name = name
        self.camera = camera
        self.tracks = self.sent = 0
        self.publisher, self.subscriber = LightTransport(certificate), LightTransport(certificate)
        self.audio = self.video = 0
        self._server, self._room = server, room
        self._numbers = dict.fromkeys(("audio", "video", "frame", "feedback"), 0)
        self._socket: ClientWebSocketResponse | None = None
        self._tasks = TaskGroup(f"light client {name}")

    async def join(self, session: ClientSession) -> None:
        """Connect and announce both tracks; the rest follows by itself."""
        self.audio, self.video = (secrets.randbits(32) for _ in range(2))
        token = self._server.token(self.name, self._room)
        self._socket = await session.ws_connect(
            f"{self._server.url}/rtc?protocol=16&auto_subscribe=1&sdk=go&version=2.0.0",
            headers={"Authorization": f"Bearer {token}"},
        )
        self._tasks.spawn(self._read(self._socket), "reader")

    async def leave(self) -> None:
        """Leave and free everything."""
        if self._socket is not None and not self._socket.closed:
            await self._request(leave=rtc.LeaveRequest())
        await self._tasks.cancel()
        if self._socket is not None:
            await self._socket.close()
        self.publisher.close()
        self.subscriber.close()

    def send_audio(self) -> None:
        """Send one packet of sound: 20 ms."""
        numbers = self._numbers
        numbers["audio"] += 1
        header = struct.pack(
            "!BBHII", 0x90, 111, numbers["audio"] & 0xFFFF, numbers["audio"] * 960, self.audio
        )
        level = b"\xbe\xde\0\1\x10\x95\0\0"
        self._out(header + level + b"\x78" + _stamp() + _FILL[:80])

    def send_frame(self, packets: int, size: int, *, key: bool) -> None:
        """Send one picture.

        Args:
            packets: How many RTP packets it takes.
            size: Bytes of each, header extension included.
            key: Say that it is a keyframe.
        """
        numbers = self._numbers
        numbers["frame"] += 1
        picture = numbers["frame"]
        for place in range(packets):
            numbers["video"] += 1
            numbers["feedback"] += 1
            last = 0x80 if place == packets - 1 else 0
            header = struct.pack(
                "!BBHII", 0x90, 96 | last, numbers["video"] & 0xFFFF, picture * 3600, self.video
            )
            wide = b"\xbe\xde\0\1\x31" + struct.pack("!H", numbers["feedback"] & 0xFFFF) + b"\0"
            start = 0x10 if place == 0 else 0
            body = struct.pack(
                "!BBHBB", 0x80 | start, 0xE0, 0x8000 | picture & 0x7FFF, picture & 255, 32
            )
            if place == 0:
                body += b"\x50\1\0\x9d\x01\x2a\x80\x02\x68\x01" if key else b"\x51\1\0"
            payload = wide + body + _stamp()
            self._out(header + payload + _FILL[: size - len(payload)])

    def _out(self, packet: bytes) -> None:
        self.publisher.send_rtp(packet)
        self.sent += 1

    # -- signalling

    async def _request(self, **request: Any) -> None:
        assert self._socket is not None
        await self._socket.send_bytes(rtc.SignalRequest(**request).SerializeToString())

    async def _read(self, socket: ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                await self._on(rtc.SignalResponse.FromString(message.data))

    async def _on(self, response: rtc.SignalResponse) -> None:
        match response.WhichOneof("message"):
            case "join":
                await self._publish()
                self._tasks.spawn(self._ping(), "ping")
            case "answer":
                described = Description.parse(response.answer.sdp)
                self.publisher.connect(described.sections[0], checks=True)
            case "offer":
                await self._answer(response.offer)
            case "trickle":
                candidate = json.loads(response.trickle.candidateInit)["candidate"]
                mine = response.trickle.target == rtc.SignalTarget.PUBLISHER
                side = self.publisher if mine else self.subscriber
                side.add_candidate(candidate.removeprefix("candidate:"))
            case "leave":
                raise ConnectionError(f"{self.name} was sent away: {response.leave}")

    async def _publish(self) -> None:
        layer = models.VideoLayer(
            quality=models.VideoQuality.HIGH, width=640, height=360, bitrate=600_000
        )
        for cid, kind, source in (
            (f"a{self.name}", models.TrackType.AUDIO, models.TrackSource.MICROPHONE),
            (f"v{self.name}", models.TrackType.VIDEO, models.TrackSource.CAMERA),
        ):
            video = kind == models.TrackType.VIDEO
            if video and not self.camera:
                continue
            track = rtc.AddTrackRequest(
                cid=cid, name=cid, type=kind, source=source, width=640 * video, height=360 * video
            )
            if video:
                track.layers.append(layer)
            await self._request(add_track=track)
        feedback = ["nack", "nack pli", "transport-cc"]
        audio = Section("audio", "0", direction="sendonly", codecs=[Codec(111, "opus", 48000, 2)])
        video_section = Section(
            "video", "1", direction="sendonly", codecs=[Codec(96, "VP8", 90000, None, {}, feedback)]
        )
        audio.extensions, video_section.extensions = {1: sdp.AUDIO_LEVEL}, {3: sdp.TRANSPORT_CC}
        for section, ssrc, cid in (
            (audio, self.audio, f"a{self.name}"),
            (video_section, self.video, f"v{self.name}"),
        ):
            section.msid, section.ssrcs = ("-", cid), [ssrc]
            self.publisher.describe(section)
        offer = Description(sections=[audio, video_section] if self.camera else [audio])
        await self._request(offer=rtc.SessionDescription(type="offer", sdp=str(offer), id=1))

    async def _answer(self, offer: rtc.SessionDescription) -> None:
        described = Description.parse(offer.sdp)
        # livekit-server checks by itself and is in control; ours is ICE-lite and waits for checks.
        self.subscriber.connect(described.sections[0], checks=described.ice_lite)
        answer, tracks = Description(), 0
        for section in described.sections:
            reply = Section(section.kind, section.mid, direction="inactive")
            if section.kind != "application":
                known = [c for c in section.codecs if c.is_a("opus") or c.is_a("VP8")]
                reply.codecs = (known or section.codecs)[:1]
                if section.direction in ("sendonly", "sendrecv") and known:
                    reply.direction = "recvonly"
                    tracks += 1
            answer.sections.append(self.subscriber.describe(reply))
        self.tracks = tracks
        await self._request(
            answer=rtc.SessionDescription(type="answer", sdp=str(answer), id=offer.id)
        )

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(5)
            if self._socket is None or self._socket.closed:
                return
            await self._request(ping_req=rtc.Ping(timestamp=int(time.time() * 1000)))


def _stamp() -> bytes:
    return STAMP + time.time_ns().to_bytes(8, "big")


_FILL = os.urandom(1400)
