"""Streams, remote calls and positions between our own clients, through both servers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engage_tui import (
    Grants,
    Invocation,
    ParticipantEvent,
    Placement,
    RefusedError,
    RoomEvent,
    RpcError,
    Space,
    Stream,
    Vector3D,
)
from engage_tui.sdk import local_messages
from tests.integration.meeting import join, meet, remote
from tests.servers import TestServer
from tests.waiting import until


async def test_text_and_byte_streams(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name) as m:
        heard: list[Any] = []
        files: list[tuple[Stream, Any]] = []
        m.bob.on(RoomEvent.DATA_RECEIVED, lambda *a: heard.append((a[0].decode(), a[3])))

        async def take(stream: Stream, sender: Any) -> None:
            files.append((stream, sender))

        m.bob.register_stream_handler("files", take)
        local = m.ada.local_participant
        content = bytes(range(256)) * 800
        await asyncio.gather(
            local.send_bytes(content, name="a.bin", topic="files", attributes={"k": "v"}),
            local.send_text("grüße " * 5000),
            local.publish_data("short", topic="lk.chat"),
            local.send_text("not for bob", destination=["nobody"]),
        )
        await until(lambda: files and len(heard) == 2, 10)
        assert sorted(heard) == [("grüße " * 5000, "lk.chat"), ("short", "lk.chat")]
        ((stream, sender),) = files
        assert sender is m.ada_of_bob
        assert (stream.kind, stream.name, stream.attributes) == ("bytes", "a.bin", {"k": "v"})
        assert stream.content == content
        m.bob.unregister_stream_handler("files")
        await local.send_bytes(b"plain", topic="files")
        await until(lambda: ("plain", "files") in heard)


async def test_remote_calls_are_answered_or_fail_with_their_code(
    any_server: TestServer, room_name: str
) -> None:
    async with meet(any_server, room_name) as m:

        async def double(call: Invocation) -> str:
            assert call.caller_identity == "ada"
            return call.payload * 2

        async def refuse(call: Invocation) -> str:
            raise RpcError(4711, "not today", "perhaps tomorrow")

        async def broken(call: Invocation) -> str:
            raise ValueError("a bug")

        async def slow(call: Invocation) -> str:
            await asyncio.Event().wait()
            return ""

        async def long(call: Invocation) -> str:
            return "x" * 20_000

        for method in (double, refuse, broken, slow, long):
            m.bob.local_participant.register_rpc_method(method.__name__, method)
        local = m.ada.local_participant
        assert await local.perform_rpc("bob", "double", "ab") == "abab"
        for method_name, payload, code in (
            ("refuse", "", 4711),
            ("broken", "", 1500),
            ("long", "", 1504),
            ("nothing", "", 1400),
            ("double", "x" * 20_000, 1402),
        ):
            with pytest.raises(RpcError) as caught:
                await local.perform_rpc("bob", method_name, payload)
            assert caught.value.code == code
        with pytest.raises(RpcError) as caught:
            await local.perform_rpc("bob", "slow", timeout=0.2)
        assert caught.value.code == 1502
        with pytest.raises(RpcError) as caught:
            await local.perform_rpc("nobody", "double", timeout=0.1)
        assert caught.value.code == 1501
        m.bob.local_participant.unregister_rpc_method("double")
        with pytest.raises(RpcError) as caught:
            await local.perform_rpc("bob", "double")
        assert caught.value.code == 1400


async def test_who_leaves_does_not_answer(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name) as m:
        called = asyncio.Event()

        async def hang(call: Invocation) -> str:
            called.set()
            await asyncio.Event().wait()
            return ""

        m.ada.local_participant.register_rpc_method("hang", hang)
        calling = asyncio.get_running_loop().create_task(
            m.bob.local_participant.perform_rpc("ada", "hang")
        )
        await called.wait()
        await m.ada.leave()
        with pytest.raises(RpcError) as caught:
            await calling
        assert caught.value.code == 1503


async def test_positions_are_sent_on_change_and_again_for_who_comes_late(
    any_server: TestServer, room_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_messages, "POSITION_REPEAT", 0.5)
    async with Space(position_sync=True) as first, Space() as second:
        ada = await join(first, any_server, "ada", room_name)
        local = ada.local_participant
        local.set_position(1, 2, 3)
        bob = await join(second, any_server, "bob", room_name)
        told: list[Any] = []
        seen = remote(bob, "ada")
        data: list[Any] = []
        bob.on(RoomEvent.DATA_RECEIVED, lambda *a: data.append(a))
        seen.on(ParticipantEvent.POSITION_CHANGED, told.append)
        await until(lambda: seen.placement == Placement((1, 2, 3)), 5, "said again")
        for step in range(20):
            local.set_position(step, 0, 0)
        local.set_orientation_quaternion(0, 1, 0, 0)
        await until(lambda: seen.placement == Placement((19, 0, 0), (0, 1, 0, 0)), 5)
        assert seen.get_position() == Vector3D(19, 0, 0), "and heard from there"
        assert len(told) <= 3, "many moves are few packets"
        assert data == []
        assert bob.local_participant.permissions.can_publish_data


async def test_no_stream_without_the_right(any_server: TestServer, room_name: str) -> None:
    grants = Grants(room=room_name, room_join=True, can_publish_data=False)
    async with meet(any_server, room_name, bob=grants) as m:
        for work in (
            m.bob.local_participant.send_text("a"),
            m.bob.local_participant.send_bytes(b"a"),
        ):
            with pytest.raises(RefusedError):
                await work
        with pytest.raises(RpcError) as caught:
            await m.bob.local_participant.perform_rpc("ada", "x")
        assert caught.value.code == 1505
