"""Places between two calls: who walks is heard from there by the others, and stays there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engage_tui.engine.call import Call
from engage_tui.engine.link import Link, local_pair
from engage_tui.engine.messages import Intent, Left, Outcome, SoundStart, Start, State, Up
from engage_tui.engine.view import HearingView, Moved, PersonView, PlaceView
from engage_tui.sdk import local_messages
from engage_tui.sdk.enums import SpatialMode
from engage_tui.server.app import RunningServer
from engage_tui.tasks import TaskGroup
from tests import waiting
from tests.embedded import access_token, embedded_server
from tests.wave_file import tone


async def until(condition: Callable[[], object]) -> None:
    """A call imports all that it needs when it starts; on a busy machine that takes its time."""
    await waiting.until(condition, timeout=20.0)


class Person:
    """A call as its screen sees it."""

    def __init__(self, link: Link, name: str, url: str, *sounds: SoundStart) -> None:
        self.people: dict[str, PersonView] = {}
        self.hearing = HearingView()
        self.outcomes: list[Outcome] = []
        self.left = False
        self.link = link
        link.listen(self._on_message, lambda: None)
        token = access_token(name)
        link.send(Start(url=url, token=token, identity=name, speaker="off", sounds=sounds))

    def ask(self, intent: str, **arguments: object) -> None:
        self.link.send(Intent(len(self.outcomes) + 1, intent, arguments))

    def place(self, who: str) -> PlaceView | None:
        person = self.people.get(who)
        return person.place if person is not None else None

    def _on_message(self, message: Up) -> None:
        match message:
            case State():
                self.people.update(message.people)
                if message.call is not None:
                    self.hearing = message.call.hearing
                for gone in message.gone:
                    del self.people[gone]
            case Outcome():
                self.outcomes.append(message)
            case Left():
                self.left = True


@asynccontextmanager
async def joined(server: RunningServer, name: str, *sounds: SoundStart) -> AsyncIterator[Person]:
    front, back = local_pair()
    tasks = TaskGroup("test")
    running: asyncio.Task[int] = tasks.spawn(Call(back).run(), name)
    person = Person(front, name, server.url, *sounds)
    await until(lambda: name in person.people)
    try:
        yield person
    finally:
        person.ask("leave")
        await running


async def test_who_walks_is_where_they_say_for_everybody_and_stays_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local_messages, "POSITION_REPEAT", 0.3)
    async with (
        embedded_server() as server,
        joined(server, "ada") as ada,
        joined(server, "bob") as bob,
    ):
        # Both sit at one table, face to face.
        await until(lambda: ada.place("bob") == bob.place("ada") == PlaceView(0, 2, 180))
        ada.ask("walk", ahead=0.5, turn=90)
        await until(lambda: bob.place("ada") == PlaceView(0, 1.5, 270, Moved.THEMSELVES))
        await until(lambda: ada.place("ada") == PlaceView(0, 0.5, 90, Moved.BY_YOU))
        bob.ask("place", participant="ada", x=1e9, y=0)
        await until(lambda: bob.outcomes)
        assert bob.outcomes[0].error is not None
        before = ada.place("ada")
        async with joined(server, "cleo") as cleo:
            await until(lambda: len(cleo.people) == len(bob.people) == 3)
            await until(lambda: "cleo" in ada.people and ada.place("bob") != PlaceView(0, 2, 180))
            await until(lambda: (seen := cleo.place("ada")) and seen.moved is Moved.THEMSELVES)
        await until(lambda: "cleo" not in ada.people)
        await until(lambda: ada.place("ada") == before)
        await until(lambda: bob.place("ada") == PlaceView(0, 1.5, 270, Moved.THEMSELVES))


async def test_sounds_of_the_start_play_and_ears_are_changed(tmp_path: Path) -> None:
    path = tone(tmp_path / "rain.wav", 2)
    sounds = (SoundStart(path), SoundStart(path, (-1.0, 2.0, 0.0)))
    async with embedded_server() as server, joined(server, "ada", *sounds) as ada:
        await until(lambda: len(ada.hearing.sounds) == 2)
        assert ada.hearing.sounds[1].place == PlaceView(-1, 2)
        ada.ask("set_spatial_mode", mode="stereo")
        ada.ask("stop_sound", sound=ada.hearing.sounds[0].key)
        await until(lambda: len(ada.hearing.sounds) == 1)
        await until(lambda: ada.hearing.spatial is SpatialMode.STEREO)
        assert ada.hearing.reach == 25
