"""Places between two calls: who walks is heard from there by the others, and stays there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engage_tui.engine.call import Call
from engage_tui.engine.link import Link, local_pair
from engage_tui.engine.messages import Intent, Left, Outcome, Start, State, Up
from engage_tui.engine.view import Moved, PersonView, PlaceView
from engage_tui.server.app import RunningServer
from engage_tui.tasks import TaskGroup
from tests.embedded import access_token, embedded_server
from tests.waiting import until


class Person:
    """A call as its screen sees it."""

    def __init__(self, link: Link, name: str, url: str) -> None:
        self.people: dict[str, PersonView] = {}
        self.outcomes: list[Outcome] = []
        self.left = False
        self.link = link
        link.listen(self._on_message, lambda: None)
        link.send(Start(url=url, token=access_token(name), identity=name, speaker="off"))

    def ask(self, intent: str, **arguments: object) -> None:
        self.link.send(Intent(len(self.outcomes) + 1, intent, arguments))

    def place(self, who: str) -> PlaceView | None:
        person = self.people.get(who)
        return person.place if person is not None else None

    def _on_message(self, message: Up) -> None:
        match message:
            case State():
                self.people.update(message.people)
                for gone in message.gone:
                    del self.people[gone]
            case Outcome():
                self.outcomes.append(message)
            case Left():
                self.left = True


@asynccontextmanager
async def joined(server: RunningServer, name: str) -> AsyncIterator[Person]:
    front, back = local_pair()
    tasks = TaskGroup("test")
    running: asyncio.Task[int] = tasks.spawn(Call(back).run(), name)
    person = Person(front, name, server.url)
    await until(lambda: name in person.people)
    try:
        yield person
    finally:
        person.ask("leave")
        await running


async def test_who_walks_is_where_they_say_for_everybody_and_stays_there() -> None:
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
