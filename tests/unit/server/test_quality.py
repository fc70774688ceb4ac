"""What is made of losses, and who is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from livekit.protocol import models, rtc

from engage_tui.server.quality import BAD, EVERY, NOTICED, SILENT, Meter, Qualities, judge
from tests.unit.server.media import Wire, packet, stream, track

Quality = models.ConnectionQuality
NOW = 1000.0


@dataclass
class Person:
    """As much of a `Client` as is looked at."""

    sid: str = "PA_a"
    active: bool = True
    hidden: bool = False
    told: dict[str, int] = field(default_factory=dict)
    messages: int = 0

    def __post_init__(self) -> None:
        transport = SimpleNamespace(connected=True, heard=NOW)
        self.publisher = SimpleNamespace(transport=transport, tracks={})
        self.subscriber = SimpleNamespace(
            transport=transport, subscriptions={}, governor=SimpleNamespace(heard=(0, 0.0))
        )

    def send(self, message: rtc.SignalResponse) -> None:
        self.messages += 1
        for each in message.connection_quality.updates:
            self.told[each.participant_sid] = each.quality

    def gets(self, packets: int, lost: float) -> None:
        before = self.subscriber.governor.heard
        self.subscriber.governor.heard = before[0] + packets, before[1] + lost


def look(qualities: Qualities, now: float, *people: Any) -> None:
    for person in people:
        person.publisher.transport.heard = now
    qualities.look(people, now)


@pytest.mark.parametrize(
    ("loss", "wanted"),
    [
        (0.0, Quality.EXCELLENT),
        (NOTICED * 0.9, Quality.EXCELLENT),
        (NOTICED, Quality.GOOD),
        (BAD * 0.9, Quality.GOOD),
        (BAD, Quality.POOR),
        (1.0, Quality.POOR),
    ],
)
def test_losses_make_it_worse(loss: float, wanted: Quality) -> None:
    assert judge(Person(), loss, NOW) == wanted  # type: ignore[arg-type]


def test_who_is_not_heard_is_lost_and_a_paused_video_is_poor() -> None:
    person: Any = Person()
    assert judge(person, 0.0, NOW + SILENT + 1) == Quality.LOST
    person.publisher.transport.connected = False
    assert judge(person, 0.0, NOW + SILENT + 1) == Quality.EXCELLENT, "not connected yet"
    person.subscriber.subscriptions["TR_x"] = SimpleNamespace(held=True)
    assert judge(person, 0.0, NOW) == Quality.POOR


def test_what_was_sent_and_never_came_counts_and_what_was_repaired_does_not() -> None:
    person: Any = Person()
    sound = track("audio", "opus")
    incoming = stream(sound, Wire())
    person.publisher.tracks["TR_1"] = sound
    meter, late = Meter(), []
    meter.look(person, NOW, 0.0)
    for number in range(250):
        if number % 5 == 0 and number:
            late.append(number)
        else:
            incoming.receive(packet(number), NOW + number / 50)
    meter.look(person, NOW + 5, 5.0)
    assert meter.loss == pytest.approx(0.5 * 49 / 300, rel=0.1)
    for number in late:
        incoming.receive(packet(number), NOW + 5)
    meter.look(person, NOW + 10, 5.0)
    assert meter.loss < 0.5 * 49 / 300, "nothing more was lost"


def test_everybody_is_told_what_changed_once_and_a_hidden_one_is_told_of_to_nobody() -> None:
    ada, bob, ghost = Person("PA_a"), Person("PA_b"), Person("PA_g", hidden=True)
    qualities = Qualities()
    look(qualities, NOW, ada, bob, ghost)
    assert ada.told == bob.told == {"PA_a": Quality.EXCELLENT, "PA_b": Quality.EXCELLENT}
    assert ghost.told == {**ada.told, "PA_g": Quality.EXCELLENT}
    look(qualities, NOW + EVERY, ada, bob, ghost)
    assert (ada.messages, bob.messages, ghost.messages) == (1, 1, 1), "nothing new"
    bob.gets(100, 30)
    look(qualities, NOW + EVERY + 1, ada, bob, ghost)
    assert ada.messages == 1, "not yet"
    look(qualities, NOW + 2 * EVERY, ada, bob, ghost)
    assert ada.told == bob.told == {"PA_a": Quality.EXCELLENT, "PA_b": Quality.POOR}
    for step in range(3, 8):
        bob.gets(100, 0)
        look(qualities, NOW + step * EVERY, ada, bob, ghost)
    assert ada.told["PA_b"] == Quality.EXCELLENT
    cyd, before = Person("PA_c"), ada.messages
    look(qualities, NOW + 7 * EVERY + 1, ada, cyd)  # who comes need not wait, and two have left
    assert cyd.told == {"PA_a": Quality.EXCELLENT, "PA_c": Quality.EXCELLENT}
    assert ada.messages == before + 1
    cyd.told.clear()
    qualities.forget("PA_c")
    look(qualities, NOW + 7 * EVERY + 2, ada, cyd)
    assert len(cyd.told) == 2, "all once more for who resumes"
