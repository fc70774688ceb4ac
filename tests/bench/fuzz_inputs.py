"""Inputs that no honest client sends, for every side of the room server; the same ones for the same seed."""

from __future__ import annotations

import json
import random
import struct
import time
from collections.abc import Callable, Sequence

import jwt
from aioice import stun
from aiortc import rtcsctptransport as sctp
from google.protobuf import json_format
from google_crc32c import value as crc32c
from livekit.protocol import models, room, rtc

from engage_tui.wire.sdp import Codec, Description, Section

Chance = random.Random

_METHODS = (
    "CreateRoom",
    "ListRooms",
    "DeleteRoom",
    "ListParticipants",
    "GetParticipant",
    "RemoveParticipant",
    "MutePublishedTrack",
    "UpdateParticipant",
    "UpdateSubscriptions",
    "SendData",
    "UpdateRoomMetadata",
    "Nonsense",
    "%00",
)

_TEXTS = (
    "",
    "{",
    "[]",
    '{"offer":7}',
    '{"a":' * 500,
    '{"pingReq":{"timestamp":"x"}}',
    "\u0000",
    "7",
)
_PATHS = (
    "/",
    "/rtc",
    "/rtc/validate",
    "/rtc/v1",
    "/rtc/v1/validate",
    "//rtc",
    "/metrics",
    "/%00",
    "/../x",
    "*",
)


def damaged(data: bytes, chance: Chance) -> bytes:
    """`data` with bytes changed, cut, doubled."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(out) + 1)
        match chance.randrange(4):
            case 0 if out:
                out[place % len(out)] = chance.randrange(256)
            case 1:
                out[place:place] = chance.randbytes(chance.randint(1, 8))
            case 2:
                del out[place : place + chance.randint(1, 8)]
            case 3:
                out = out[:place]
    return bytes(out)


def hostile_token(chance: Chance, key: str, secret: str) -> str:
    """A token that opens nothing: by its signature, its times, its grants or its form."""
    now = int(time.time())
    video: object = {"room": "quiet", "roomJoin": True}
    claims: dict[str, object] = {"iss": key, "sub": "ada", "exp": now + 600, "video": video}
    match chance.randrange(9):
        case 0:
            return jwt.encode(claims, "", algorithm="none")
        case 1:
            return jwt.encode(claims, "another secret of thirty-two bytes", algorithm="HS256")
        case 2:
            claims["exp"] = now - 3600
        case 3:
            claims["nbf"] = now + 3600
        case 4:
            claims["video"] = chance.choice(
                [None, [], "roomJoin", {"room": "quiet"}, {"roomJoin": True}]
            )
        case 5:
            claims["iss"] = chance.choice(["nobody", "", "x" * 5000])
        case 6:
            claims["metadata"] = "x" * 40_000
        case 7:
            claims["exp"] = chance.choice(["soon", 1e400, -1, None, []])
        case 8:
            good = jwt.encode(claims, secret, algorithm="HS256").encode()
            return damaged(good[: good.rindex(b".")], chance).decode("latin-1")
    return jwt.encode(claims, secret, algorithm="HS256")


def http_request(chance: Chance, token: str) -> bytes:
    """A request that is damaged, or was never one."""
    path, host = chance.choice(_PATHS), "127.0.0.1"
    query = (
        f"access_token={token}&join_request={chance.randbytes(9).hex()}&auto_subscribe=x&sid=%ff"
    )
    lines = [
        f"{chance.choice(['GET', 'POST', 'OPTIONS', 'BREW'])} {path}?{query} HTTP/1.1",
        f"Host: {host}",
    ]
    lines += chance.sample(
        [
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: AAAA",
            "Content-Length: -1",
            "Content-Length: 99999999999999999999",
            "Transfer-Encoding: chunked",
            "Authorization: Basic x",
            f"Authorization: Bearer {token}",
            "Cookie: " + "x" * chance.choice([10, 70_000]),
            "X: \x00",
        ],
        chance.randint(0, 4),
    )
    data = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + chance.randbytes(
        chance.choice([0, 30])
    )
    return data if chance.random() < 0.3 else damaged(data, chance)


def offer(chance: Chance) -> str:
    """A description of damaged lines."""
    sections = [
        Section(
            "audio",
            "0",
            direction="sendonly",
            codecs=[Codec(111, "opus", 48000, 2)],
            msid=("-", "c"),
        ),
        Section(
            "video", "1", codecs=[Codec(96, "VP8", 90000, None, {}, ["nack"])], rids=[("q", "send")]
        ),
        Section("application", "2"),
    ]
    for section in sections:
        section.ice_ufrag, section.ice_pwd, section.setup = "abcd", "x" * 22, "active"
        section.fingerprint = "sha-256 " + ":".join(["AB"] * 32)
    lines = str(Description(sections=chance.choices(sections, k=chance.randint(1, 4)))).splitlines()
    for _ in range(chance.randint(1, 5)):
        place = chance.randrange(len(lines))
        lines[place] = damaged(lines[place].encode(), chance).decode("utf-8", "replace")
    return "\r\n".join(lines) + "\r\n"


def signal_frame(chance: Chance) -> bytes | str:
    """A signalling message that is damaged, or well-formed nonsense."""
    if chance.random() < 0.05:
        return chance.choice(_TEXTS)
    description = rtc.SessionDescription(type="offer", sdp=offer(chance), id=chance.randint(0, 9))
    request = chance.choice(
        [
            rtc.SignalRequest(offer=description),
            rtc.SignalRequest(answer=description),
            rtc.SignalRequest(
                add_track=rtc.AddTrackRequest(
                    cid=chance.choice(["", "c", "x" * 300]),
                    type=chance.choice(models.TrackType.keys()),
                    source=chance.choice(models.TrackSource.keys()),
                    simulcast_codecs=[
                        rtc.SimulcastCodec(codec=chance.choice(["vp8", "", "a/b/c", "h265"]))
                    ],
                )
            ),
            rtc.SignalRequest(mute=rtc.MuteTrackRequest(sid="TR_x", muted=True)),
            rtc.SignalRequest(trickle=rtc.TrickleRequest(candidateInit="{")),
            rtc.SignalRequest(
                subscription=rtc.UpdateSubscription(
                    track_sids=["TR_x"] * 50, subscribe=chance.random() < 0.5
                )
            ),
            rtc.SignalRequest(
                track_setting=rtc.UpdateTrackSettings(track_sids=["TR_x"], width=2**32 - 1)
            ),
            rtc.SignalRequest(
                subscription_permission=rtc.SubscriptionPermission(
                    track_permissions=[
                        rtc.TrackPermission(participant_identity="x", all_tracks=True)
                    ]
                )
            ),
            rtc.SignalRequest(
                sync_state=rtc.SyncState(subscription=rtc.UpdateSubscription(track_sids=["x"]))
            ),
            rtc.SignalRequest(
                update_metadata=rtc.UpdateParticipantMetadata(attributes={"a": "b" * 3000})
            ),
            rtc.SignalRequest(update_video_track=rtc.UpdateLocalVideoTrack(track_sid="x")),
            rtc.SignalRequest(
                publish_data_track_request=rtc.PublishDataTrackRequest(
                    pub_handle=chance.choice((0, 1, 2**32 - 1)), name=chance.choice(("", "n"))
                )
            ),
            rtc.SignalRequest(
                update_data_subscription=rtc.UpdateDataSubscription(
                    updates=[rtc.UpdateDataSubscription.Update(track_sid="x", subscribe=True)] * 9
                )
            ),
            rtc.SignalRequest(ping_req=rtc.Ping(timestamp=-1, rtt=2**62)),
        ]
    )
    if chance.random() < 0.1:
        return json_format.MessageToJson(request)[: chance.randint(1, 400)]
    data = request.SerializeToString()
    return data if chance.random() < 0.3 else damaged(data, chance)


def ends_its_session(frame: bytes | str) -> bool:
    """Whether damage made, by chance, a message that rightly ends the session of its sender."""
    request = rtc.SignalRequest()
    try:
        if isinstance(frame, str):
            json_format.Parse(frame, request, ignore_unknown_fields=True)
        else:
            request.ParseFromString(frame)
    except Exception:  # noqa: BLE001 - malformed, as it should be
        return False
    return request.WhichOneof("message") in ("leave", "simulate", "sync_state")


def twirp_call(chance: Chance) -> tuple[str, str, bytes]:
    """Method, content type and body of a call that is damaged or foolish."""
    message = chance.choice(
        [
            room.CreateRoomRequest(
                name="loud", metadata="x", empty_timeout=chance.choice([0, 5, 2**32 - 1])
            ),
            room.ListRoomsRequest(names=["loud", "", "\x00"]),
            room.DeleteRoomRequest(room="nowhere"),
            room.ListParticipantsRequest(room="loud"),
            room.RoomParticipantIdentity(room="loud", identity="nobody"),
            room.MuteRoomTrackRequest(room="loud", identity="nobody", track_sid="TR_x", muted=True),
            room.UpdateParticipantRequest(room="loud", identity="nobody", attributes={"a": "b"}),
            room.UpdateSubscriptionsRequest(room="loud", identity="nobody", track_sids=["x"] * 9),
            room.SendDataRequest(room="loud", data=b"x" * 99, destination_identities=["nobody"]),
            room.UpdateRoomMetadataRequest(room="loud", metadata="y" * 100),
        ]
    )
    method = chance.choice(_METHODS)
    if chance.random() < 0.4:
        text = json_format.MessageToJson(message).encode()
        body = chance.choice(
            [damaged(text, chance), json.dumps({"room": chance.choice([7, [], None])}).encode()]
        )
        return method, "application/json", body
    return method, "application/protobuf", damaged(message.SerializeToString(), chance)


def check(chance: Chance, ufrag: str, password: str) -> bytes:
    """A connectivity check that is unsigned, damaged, or signed and foolish."""
    message = stun.Message(chance.choice(list(stun.Method)), chance.choice(list(stun.Class)))
    message.attributes["USERNAME"] = chance.choice(
        [f"{ufrag}:x", ufrag, ":", "x" * 600, f"{ufrag}:" + "y" * 300]
    )
    message.attributes["PRIORITY"] = chance.randrange(2**32)
    if chance.random() < 0.2:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(chance.choice([password, "guess"]).encode())
    data = bytes(message)
    return data if chance.random() < 0.4 else damaged(data, chance)


def datagram(chance: Chance) -> bytes:
    """Noise that begins as something the UDP port knows."""
    first = chance.choice((0, 1, 3, 20, 21, 22, 23, 25, 63, 64, 127, 128, 144, 191, 192, 255))
    size = chance.choice((0, 1, 3, 11, 12, 19, 20, 60, 1200, 1999))
    hello = b"\x16\xfe\xfd" + bytes(8) + (40).to_bytes(2, "big") + b"\x01" + chance.randbytes(39)
    return chance.choice([bytes([first]) + chance.randbytes(size), damaged(hello, chance), b""])


def rtp(chance: Chance, ssrcs: Sequence[int]) -> bytes:
    """An RTP packet of odd headers, extensions and payload descriptors."""
    extended, padded = chance.random() < 0.6, chance.random() < 0.1
    contributors = chance.choice((0, 0, 0, 3, 15))
    first = 0x80 | extended << 4 | padded << 5 | contributors
    kind = chance.choice((96, 96, 111, 63, 127)) | chance.choice((0, 0x80))
    ssrc = chance.choice((*ssrcs, chance.randrange(2**32)))
    number, stamp = chance.randrange(2**16), chance.randrange(2**32)
    head = struct.pack("!BBHII", first, kind, number, stamp, ssrc) + chance.randbytes(
        4 * contributors
    )
    if extended:
        words = chance.choice((0, 1, 2, 20))
        profile = chance.choice((0xBEDE, 0x1000, 0x100F, chance.randrange(2**16)))
        head += struct.pack("!HH", profile, words) + chance.randbytes(4 * words)
    body = chance.choice([b"", b"\x90", b"\x90\x80\x80", b"\x10\x50\x01\x00\x9d\x01\x2a"])
    body += chance.randbytes(chance.choice((0, 1, 5, 40, 900)))
    return head + body + (bytes([chance.randrange(256)]) if padded else b"")


def rtcp(chance: Chance, ssrcs: Sequence[int]) -> bytes:
    """A compound of RTCP packets with wrong counts, lengths and bodies."""
    out = b""
    for _ in range(chance.randint(1, 4)):
        body = struct.pack(
            "!II", chance.choice((*ssrcs, 0)), chance.choice((*ssrcs, chance.randrange(2**32)))
        )
        body += chance.choice(
            [b"", b"REMB" + chance.randbytes(8), chance.randbytes(4 * chance.randint(0, 30))]
        )
        words = len(body) // 4 if chance.random() < 0.7 else chance.randrange(2**16)
        head = 0x80 | chance.choice((0, 1, 4, 5, 15, 31))
        out += (
            struct.pack(
                "!BBH", head, chance.choice((200, 201, 202, 203, 205, 206, 207, 223)), words
            )
            + body
        )
    return out


def sctp_packet(chance: Chance, tag: int, tsn: int) -> bytes:
    """An SCTP packet with a good checksum and, mostly, the right tag.

    Args:
        chance: The dice.
        tag: What the other end expects.
        tsn: The last number that it took.
    """
    chunk = chance.choice(_CHUNKS)()
    chunk.flags = chance.randrange(8)
    if isinstance(chunk, sctp.DataChunk):
        chunk.tsn = (tsn + chance.choice((1, 2, 3, 9, chance.randrange(2**32)))) % 2**32
        chunk.stream_id, chunk.stream_seq = chance.choice((0, 1, 2, 65535)), chance.randrange(4)
        chunk.protocol = chance.choice((50, 51, 53, 56, 57, chance.randrange(2**32)))
        chunk.user_data = chance.choice(
            [b"", b"\x03", b"\x02", struct.pack("!BBHLHH", 3, 0, 0, 0, 9, 9)]
        )
        chunk.user_data += chance.randbytes(chance.randint(0, 40))
    body = bytes(chunk)
    if chance.random() < 0.6:
        body = damaged(body, chance)
    head = struct.pack(
        "!HHL", 5000, 5000, tag if chance.random() < 0.9 else chance.randrange(2**32)
    )
    return head + struct.pack("<L", crc32c(head + bytes(4) + body)) + body


_CHUNKS: tuple[Callable[[], sctp.Chunk], ...] = (
    *(sctp.DataChunk,) * 4,
    *(sctp.InitChunk, sctp.InitAckChunk, sctp.CookieAckChunk, sctp.CookieEchoChunk),
    *(sctp.SackChunk, sctp.ForwardTsnChunk, sctp.ReconfigChunk),
    *(sctp.HeartbeatChunk, sctp.HeartbeatAckChunk, sctp.ErrorChunk),
)


def data_packet(chance: Chance) -> bytes:
    """A `DataPacket` that is damaged, or well-formed nonsense."""
    packet = models.DataPacket(
        sequence=chance.randrange(2**32), destination_identities=["x"] * chance.randint(0, 9)
    )
    packet.user.payload = chance.randbytes(chance.randint(0, 60))
    packet.user.participant_identity = "somebody else"
    data = packet.SerializeToString()
    return data if chance.random() < 0.3 else damaged(data, chance)
