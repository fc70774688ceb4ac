"""The border: in one process and over a socket it behaves alike; a slow or broken peer harms nobody."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Callable

import pytest

from engage_tui.engine.link import EngineLink, Link, SocketEngineLink, SocketLink, local_pair
from engage_tui.engine.messages import (
    Down,
    Intent,
    Left,
    Levels,
    Outcome,
    Picture,
    Start,
    State,
    Up,
)
from engage_tui.engine.view import CallView, PersonView
from tests.waiting import until

Pair = tuple[Link, EngineLink]


def socket_pair() -> Pair:
    ours, theirs = socket.socketpair()
    return SocketLink(ours), SocketEngineLink(theirs)


@pytest.fixture(params=[local_pair, socket_pair])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Callable[[], Pair]]:
    made: list[Pair] = []

    def make() -> Pair:
        made.append(request.param())
        return made[-1]

    yield make
    for link, engine in made:
        link.close()
        engine.close()


class Ear:
    """Hears one end."""

    def __init__(self) -> None:
        self.heard: list[Up | Down] = []
        self.closed = 0

    def on_message(self, message: Up | Down) -> None:
        self.heard.append(message)

    def on_closed(self) -> None:
        self.closed += 1


async def test_messages_cross_in_both_directions(pair: Callable[[], Pair]) -> None:
    link, engine = pair()
    front, back = Ear(), Ear()
    down: list[Down] = [
        Start(url="ws://a", api_secret="s"),
        Intent(1, "send_data", {"text": "ä", "to": ["b"]}),
    ]
    for message in down:
        link.send(message)  # before anybody listens
    link.listen(front.on_message, front.on_closed)
    engine.listen(back.on_message, back.on_closed)
    up: list[Up] = [
        State(0, CallView(room="hall")),
        Outcome(1, "no", "try"),
        Left("client_initiated", 0),
    ]
    for each in up:
        engine.send(each)
    await until(lambda: front.heard == up and back.heard == down)


@pytest.mark.parametrize("front_goes", [True, False])
async def test_each_end_hears_once_that_the_other_has_gone(
    pair: Callable[[], Pair], front_goes: bool
) -> None:
    link, engine = pair()
    front, back = Ear(), Ear()
    link.listen(front.on_message, front.on_closed)
    engine.listen(back.on_message, back.on_closed)
    engine.send(Left("participant_removed", 4))
    if front_goes:
        await until(lambda: front.heard)
    (link if front_goes else engine).close()
    await until(lambda: (back if front_goes else front).closed == 1)
    assert front.heard == [Left("participant_removed", 4)]
    link.send(Intent(1, "leave"))  # into nothing
    engine.send(Levels({}))


async def test_a_failing_handler_loses_no_message_behind_it(pair: Callable[[], Pair]) -> None:
    link, engine = pair()
    heard: list[Up] = []

    def on_message(message: Up) -> None:
        heard.append(message)
        if len(heard) == 1:
            raise RuntimeError("on purpose")

    link.listen(on_message, lambda: None)
    engine.send(Outcome(1))
    engine.send(Outcome(2))
    await until(lambda: heard == [Outcome(1), Outcome(2)])


async def test_a_front_end_that_reads_late_gets_the_newest_and_every_outcome() -> None:
    link, engine = socket_pair()
    assert isinstance(engine, SocketEngineLink)
    engine.listen(lambda _: None, lambda: None)
    pixels = bytes(300 * 300 * 3)
    for number in range(40):
        engine.send(Picture(1, number, "ada/camera/", 300, 300, 0.0, pixels))
        engine.send(Outcome(number))
        people = {str(number): PersonView(str(number), "", "PA_1", local=False)}
        engine.send(State(number, None, None, people))
    front = Ear()
    link.listen(front.on_message, front.on_closed)
    await until(lambda: [m.id for m in front.heard if isinstance(m, Outcome)] == list(range(40)))
    await until(lambda: any(isinstance(m, Picture) and m.number == 39 for m in front.heard))
    pictures = [m for m in front.heard if isinstance(m, Picture)]
    assert len(pictures) < 40, "old pictures should have been replaced"
    seen: dict[str, PersonView] = {}
    for message in front.heard:
        if isinstance(message, State):
            seen |= message.people
    assert len(seen) == 40, "a merged state loses nobody"
    link.close()
    engine.close()


async def test_sending_never_blocks_when_nobody_reads() -> None:
    link, engine = socket_pair()
    engine.listen(lambda _: None, lambda: None)
    link.listen(lambda _: None, lambda: None)
    began = time.monotonic()
    for number in range(3000):
        engine.send(Picture(number % 3, number, "k", 100, 100, 0.0, bytes(30000)))
        link.send(Intent(number, "send_data", {"text": "x" * 1000}))
    assert time.monotonic() - began < 5
    engine.close()
    link.close()


async def test_nonsense_on_the_border_closes_it() -> None:
    ours, theirs = socket.socketpair()
    engine, back = SocketEngineLink(theirs), Ear()
    engine.listen(back.on_message, back.on_closed)
    ours.sendall((3).to_bytes(4, "little") + b"\xff\xff\xff")
    await until(lambda: back.closed == 1)
    assert back.heard == []
    ours.close()


async def test_closing_the_engine_delivers_what_waits() -> None:
    link, engine = socket_pair()
    engine.listen(lambda _: None, lambda: None)
    front = Ear()
    link.listen(front.on_message, front.on_closed)
    engine.send(Picture(1, 1, "k", 100, 100, 0.0, bytes(30000)))
    engine.send(Left("error", 3, "gone", ""))
    engine.close()
    await until(lambda: front.closed == 1)
    assert front.heard[-1] == Left("error", 3, "gone", "")
    link.close()


async def test_what_an_engine_said_last_is_heard_even_by_one_who_was_writing() -> None:
    ours, theirs = socket.socketpair()
    link, engine = SocketLink(ours), SocketEngineLink(theirs)
    front = Ear()
    engine.send(Left("participant_removed", 4))
    engine.close()
    link.send(Intent(1, "leave", {}))  # the other end takes nothing any more
    link.listen(front.on_message, front.on_closed)
    link.send(Intent(2, "leave", {}))
    await until(lambda: front.closed)
    assert front.heard == [Left("participant_removed", 4)]
