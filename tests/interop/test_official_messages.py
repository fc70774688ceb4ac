"""Chat, byte streams and remote calls with the official Python SDK, both ways, on both servers."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import Any

import pytest

from engage_tui import Invocation, RoomEvent, RpcError, Space, Stream
from tests.integration.meeting import join
from tests.require import need
from tests.servers import TestServer
from tests.waiting import until

pytestmark = pytest.mark.interop
need(find_spec("livekit.rtc") is not None, "the official SDK: pip install livekit")

from livekit import rtc  # noqa: E402

from tests.interop.official import OfficialPeer  # noqa: E402


async def test_chat_files_and_calls_both_ways(any_server: TestServer, room_name: str) -> None:
    peer = OfficialPeer()
    texts: list[tuple[str, str]] = []
    files: list[tuple[str, bytes]] = []
    heard: list[tuple[bytes, str]] = []
    streams: list[Stream] = []
    reading: list[asyncio.Task[None]] = []

    async def read_text(reader: Any, identity: str) -> None:
        texts.append((await reader.read_all(), identity))

    async def read_file(reader: Any) -> None:
        files.append((reader.info.name, b"".join([part async for part in reader])))

    def on_text(reader: Any, identity: str) -> None:
        reading.append(asyncio.get_running_loop().create_task(read_text(reader, identity)))

    def on_file(reader: Any, identity: str) -> None:
        reading.append(asyncio.get_running_loop().create_task(read_file(reader)))

    async with Space() as space:
        room = await join(space, any_server, "ada", room_name)
        room.on(RoomEvent.DATA_RECEIVED, lambda *a: heard.append((a[0], a[3])))
        room.register_stream_handler("files", lambda stream, sender: streams.append(stream))
        us = room.local_participant

        async def double(call: Invocation) -> str:
            return f"{call.caller_identity} {call.payload * 2}"

        us.register_rpc_method("double", double)
        peer.room.register_text_stream_handler("lk.chat", on_text)
        peer.room.register_byte_stream_handler("files", on_file)
        try:
            await peer.join(any_server, room_name)
            them = peer.room.local_participant

            async def triple(call: Any) -> str:
                if call.payload == "bad":
                    raise rtc.RpcError(4711, "no", "data")
                return str(call.payload) * 3

            them.register_rpc_method("triple", triple)
            await until(lambda: room.participants, 6)
            await us.publish_data("hello from a terminal", topic="lk.chat")
            await us.send_bytes(b"abc" * 10_000, name="a.bin", topic="files")
            await until(lambda: texts and files, 10)
            assert texts == [("hello from a terminal", "ada")]
            assert files == [("a.bin", b"abc" * 10_000)]

            await them.send_text("hello from the SDK", topic="lk.chat")
            writer = await them.stream_bytes("b.bin", topic="files")
            await writer.write(b"xyz" * 10_000)
            await writer.aclose()
            await until(lambda: heard and streams, 10)
            assert heard == [(b"hello from the SDK", "lk.chat")]
            assert (streams[0].name, streams[0].content) == ("b.bin", b"xyz" * 10_000)

            assert await us.perform_rpc("official", "triple", "ab") == "ababab"
            with pytest.raises(RpcError) as caught:
                await us.perform_rpc("official", "triple", "bad")
            assert (caught.value.code, caught.value.reason) == (4711, "no")
            answer = await them.perform_rpc(
                destination_identity="ada", method="double", payload="ab"
            )
            assert answer == "official abab"
            with pytest.raises(rtc.RpcError) as refused:
                await them.perform_rpc(destination_identity="ada", method="none", payload="")
            assert refused.value.code == 1400
        finally:
            await asyncio.gather(*reading)
            await peer.leave()
