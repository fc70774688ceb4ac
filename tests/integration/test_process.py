"""The engine in its own process, and how programs end: cleanly, in time, with nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator

import psutil
import pytest

from engage_tui.engine.link import Link
from engage_tui.engine.messages import (
    Credit,
    Intent,
    Joined,
    Left,
    Levels,
    Outcome,
    Picture,
    Start,
    State,
    Statistics,
    Up,
    Watch,
)
from engage_tui.engine.process import SpawnedEngine, spawn
from engage_tui.engine.view import CallView, LobbyView, Phase
from engage_tui.sdk.space import Space
from tests.embedded import access_token, embedded_server
from tests.integration.programs import PATIENCE, Program, running
from tests.waiting import until

pytestmark = pytest.mark.timeout(200)


@pytest.fixture
def engine() -> Iterator[SpawnedEngine]:
    spawned = spawn()
    yield spawned
    spawned.kill()


class FrontEnd:
    """What a screen would know."""

    def __init__(self, link: Link) -> None:
        self.heard: list[Up] = []
        self.closed = False
        self.call = CallView()
        self.lobby: LobbyView | None = None
        self.link = link
        link.listen(self._on_message, self._on_closed)

    def of(self, kind: type[Up]) -> list[Up]:
        return [message for message in self.heard if isinstance(message, kind)]

    def _on_message(self, message: Up) -> None:
        self.heard.append(message)
        if isinstance(message, State):
            self.call = message.call or self.call
            self.lobby = message.lobby or self.lobby

    def _on_closed(self) -> None:
        self.closed = True


async def test_from_the_lobby_into_the_room_and_out(engine: SpawnedEngine) -> None:
    async with embedded_server() as server, Space() as space:
        link = engine.link()
        token = access_token("ada")
        link.send(
            Start(
                url=server.url, room="hall", token=token, identity="ada", name="ada",
                camera="test", microphone="test", speaker="off", lobby=True,
            )
        )  # fmt: skip
        front = FrontEnd(link)
        link.send(Watch(1, "preview", 40, 24, 30.0))
        await until(lambda: front.of(Picture), PATIENCE, "a preview")
        picture = front.of(Picture)[0]
        assert isinstance(picture, Picture)
        assert (picture.key, picture.width, picture.height) == ("preview", 40, 22)
        assert len(picture.pixels) == 40 * 22 * 3
        link.send(Credit(1, picture.number))
        await until(lambda: len(front.of(Picture)) > 1, what="the next picture after credit")
        await until(lambda: any("preview" in m.levels for m in front.of(Levels)))  # type: ignore[union-attr]
        assert front.call.phase is Phase.LOBBY
        await until(lambda: front.lobby and front.lobby.camera.on, what="the switch")
        assert front.lobby is not None
        assert front.lobby.microphone.on
        room = space.join_room(server.url, access_token("bob"))
        await room.connected()
        assert not room.participants, "nothing is connected while previewing"
        link.send(Watch(1, ""))
        link.send(Intent(7, "join", {"microphone": True, "camera": True}))
        await until(lambda: front.of(Joined) and Outcome(7) in front.heard, PATIENCE, "the join")
        ada = room.get_participant_by_identity("ada")
        assert ada is not None
        await until(lambda: len(ada.tracks) == 2, what="both tracks")
        link.send(Watch(2, "ada/camera/camera", 80, 48))
        await until(lambda: any(m.tile == 2 for m in front.of(Picture)))  # type: ignore[union-attr]
        await toggles_show_themselves(front, link)
        await until(lambda: front.of(Statistics), what="counters")
        link.send(Intent(9, "leave"))
        await until(lambda: front.closed, what="the end")
        assert isinstance(front.heard[-1], Left)
        assert front.heard[-1].exit_code == 0
        tail = front.heard[front.heard.index(Outcome(9)) :]
        assert any(isinstance(each, Statistics) for each in tail), "counters once more at the end"
        assert await asyncio.to_thread(engine.wait, 5) == 0
        await until(lambda: not room.participants, what="ada has left")


async def toggles_show_themselves(front: FrontEnd, link: Link) -> None:
    assert front.call.microphone.on
    began = len(front.heard)
    link.send(Intent(8, "set_camera_enabled", {"value": False}))
    await until(lambda: Outcome(8) in front.heard)
    assert not front.call.camera.on, "the state comes before its outcome"
    calls = [m.call for m in front.heard[began:] if isinstance(m, State) and m.call]
    assert not calls[-1].camera.pending


async def test_the_engine_leaves_and_ends_when_its_front_end_is_gone(engine: SpawnedEngine) -> None:
    async with embedded_server() as server, Space() as space:
        room = space.join_room(server.url, access_token("bob"))
        await room.connected()
        start = Start(
            url=server.url, token=access_token("ada"), identity="ada", camera="test",
            microphone="test", speaker="off",
        )  # fmt: skip
        engine.link().send(start)
        await until(lambda: room.get_participant_by_identity("ada"), PATIENCE)
        began = time.monotonic()
        engine.link().close()
        await until(lambda: not room.participants, 15, "ada has left the room")
        assert await asyncio.to_thread(engine.wait, 5) == 0
        assert time.monotonic() - began < 2.5


async def test_an_engine_that_nobody_starts_ends_too(engine: SpawnedEngine) -> None:
    process = psutil.Process(engine.pid)
    assert os.getsid(engine.pid) == engine.pid, "Ctrl+C and Ctrl+Z do not reach it"
    assert not any("secret" in word for word in process.cmdline())
    assert await asyncio.to_thread(engine.close, PATIENCE) == 0


async def test_no_server_is_told_in_the_lobby_which_stays(engine: SpawnedEngine) -> None:
    front = FrontEnd(engine.link())
    front.link.send(
        Start(
            url="ws://127.0.0.1:9", room="hall", identity="a", name="a", lobby=True, speaker="off"
        )
    )
    front.link.send(Intent(1, "join", {"camera": False, "microphone": False}))
    await until(lambda: front.of(Outcome), PATIENCE)
    outcome = front.of(Outcome)[0]
    assert isinstance(outcome, Outcome)
    assert outcome.error
    assert outcome.hint
    await until(lambda: front.call.phase is Phase.LOBBY)
    assert not front.of(Left)
    front.link.close()
    assert await asyncio.to_thread(engine.wait, 5) == 0


# -- line mode ---------------------------------------------------------------------------------------------------------


Witness = tuple[Program, tuple[str, ...]]


def children(program: Program) -> list[psutil.Process]:
    return psutil.Process(program.process.pid).children(recursive=True)


@pytest.fixture(scope="module")
def witness(served: str) -> Iterator[Witness]:
    """Bob, who sees the others come and go, and the command with which they join him."""
    common = ("join", f"endings-{os.urandom(3).hex()}", "--url", served, "--json")
    with running(*common, "--name", "bob") as bob:
        bob.wait_event("joined")  # who comes later hears of no publication
        yield bob, common


def test_a_signal_is_a_clean_leave_within_two_seconds(witness: Witness) -> None:
    bob, common = witness
    sources = ("--camera", "test", "--microphone", "test")
    with (
        running(*common, "--name", "ada", *sources) as ada,
        running(*common, "--name", "eve", *sources) as eve,
    ):
        for each, name in ((ada, "ada"), (eve, "eve")):
            each.wait_event("joined")
            bob.wait_event("trackPublished", participant=name, source="camera")
        leaves_at_once(ada, signal.SIGINT, 130)
        leaves_at_once(eve, signal.SIGTERM, 143)
        for name in ("ada", "eve"):
            bob.wait_event("participantDisconnected", participant=name)


def leaves_at_once(program: Program, number: signal.Signals, code: int) -> None:
    began = time.monotonic()
    program.signal(number)
    assert program.end() == code
    assert time.monotonic() - began < 2
    assert program.lines[-1] == {"event": "left", "reason": "client_initiated", "exit": code}


def test_a_closed_stdout_ends_the_call(witness: Witness) -> None:
    bob, common = witness
    with running(*common, "--name", "cyd") as cyd:
        bob.wait_event("participantConnected", participant="cyd")
        assert cyd.process.stdout is not None
        # The reading thread holds the stream; closing the descriptor below it is what a dead reader does.
        os.dup2(os.open(os.devnull, os.O_RDONLY), cyd.process.stdout.fileno())
        bob.wait_event("participantDisconnected", participant="cyd")
        assert cyd.end() == 0


def test_a_replaced_person_is_told_so(witness: Witness) -> None:
    _, common = witness
    with running(*common, "--name", "dan") as first:
        first.wait_event("joined")
        with running(*common, "--name", "dan") as second:
            second.wait_event("joined")
            assert first.end() == 4
            assert first.lines[-1]["reason"] == "duplicate_identity"


def test_a_server_that_ends_ends_the_calls() -> None:
    with running("serve", "--port", "0", "--json") as server:
        url = server.wait_event("ready")["url"]
        with running("join", "hall", "--url", url, "--json") as ada:
            ada.wait_event("joined")
            assert not children(ada), "line mode is one process"
            server.signal(signal.SIGTERM)
            assert server.end() == 0
            assert ada.end() == 3
            left = ada.lines[-1]
            assert (left["event"], left["reason"], left["exit"]) == ("left", "server_shutdown", 3)
            assert "server" in ada.stderr.lower()
