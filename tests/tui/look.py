"""Look at the screens without a room: ``python -m tests.tui.look lobby|call|alone``."""

from __future__ import annotations

import asyncio
import sys
import time

import msgspec

from engage_tui.engine.messages import Credit, Intent, Notice, Start, Watch
from engage_tui.engine.view import CallView, Subscription, ToggleView
from engage_tui.tui.model import TOGGLES
from engage_tui.tui.run import run
from tests.tui import fake_engine
from tests.tui.fake_engine import FakeEngine
from tests.waiting import until


class Show(FakeEngine):
    """A fake engine that keeps a small room alive."""

    def __init__(self, *, alone: bool = False) -> None:
        super().__init__()
        self.people = fake_engine.hall()
        if alone:
            self.people = {"ada": self.people["ada"]}
        self.call: CallView = fake_engine.call()
        self.on_intent = self._obey
        self._started = False
        self._watched: dict[int, Watch] = {}

    def link(self):  # type: ignore[no-untyped-def]
        front = super().link()
        self._task = asyncio.get_running_loop().create_task(self._play())  # noqa: TID251 - a toy
        return front

    async def _play(self) -> None:
        await until(lambda: self.received)
        if self.start.lobby:
            self.state(lobby=fake_engine.lobby())
        else:
            self._enter()
        second = 0.0
        while True:
            await asyncio.sleep(0.1)
            second += 0.1
            self.send(fake_engine.levels(second))
            if int(second * 10) % 10 == 0:
                self.send(fake_engine.statistics(self.people, second))

    def _enter(self) -> None:
        self.send(fake_engine.joined())
        self.state(call=self.call, people=self.people)
        for number, text in enumerate(
            ("you joined hall", "mira joined", "noor joined", "kaito joined", "noor muted mic")
        ):
            self.send(Notice(number, "log", text, time.time()))
        self.send(Notice(9, "warning", "kaito's camera: no codec in common", time.time()))

    def _on_message(self, message):  # type: ignore[no-untyped-def]
        super()._on_message(message)
        if isinstance(message, Watch):
            self._watched[message.tile] = message
            if message.key:
                self.send(fake_engine.picture(message, 1, time.monotonic()))
        elif isinstance(message, Credit):
            watch = self._watched.get(message.tile)
            if watch and watch.key:
                loop = asyncio.get_running_loop()
                loop.call_later(1 / 15, self._paint, watch, message.number + 1)

    def _paint(self, watch: Watch, number: int) -> None:
        if self._watched.get(watch.tile) == watch:
            self.send(fake_engine.picture(watch, number, time.monotonic()))

    def _obey(self, intent: Intent) -> None:
        if intent.name == "join":
            self._enter()
        elif intent.name == "set_screen_share_enabled":
            error = ToggleView(error="There is no display to share. Set DISPLAY, or use file:PATH.")
            self.call = msgspec.structs.replace(self.call, screen=error)
            self.state(call=self.call)
        elif intent.name in TOGGLES:
            name = TOGGLES[intent.name]
            view = msgspec.structs.replace(getattr(self.call, name), on=intent.arguments["value"])
            self.call = msgspec.structs.replace(self.call, **{name: view})
            self.state(call=self.call)
        elif intent.name == "set_subscribed":
            loop = asyncio.get_running_loop()
            loop.call_later(0.4, self._subscribe, intent)

    def _subscribe(self, intent: Intent) -> None:
        wanted = Subscription.ON if intent.arguments["value"] else Subscription.OFF
        for identity, person in self.people.items():
            rows = tuple(
                msgspec.structs.replace(each, subscription=wanted)
                if each.key == intent.arguments["key"]
                else each
                for each in person.publications
            )
            if rows != person.publications:
                self.people[identity] = msgspec.structs.replace(person, publications=rows)
                self.state(people={identity: self.people[identity]})


if __name__ == "__main__":
    what = sys.argv[1] if len(sys.argv) > 1 else "call"
    start = Start(
        url="ws://127.0.0.1:7880",
        room="hall",
        name="ada",
        lobby=what == "lobby",
        camera="default",
        microphone="default",
    )
    left = run(Show(alone=what == "alone"), start)
    print(left)
    sys.exit(left.exit_code)
