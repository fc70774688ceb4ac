"""The server says which sizes of our video somebody wants."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from livekit.protocol import models, rtc

from engage_tui.sdk.server_messages import take_subscription_message


class Sender:
    """A sender of two layers; notes which it was told to send."""

    rids = ("q", "h")

    def __init__(self) -> None:
        self.told: list[tuple[str, bool]] = []

    def set_enabled(self, rid: str, enabled: bool) -> None:
        self.told.append((rid, enabled))


def local(sender: Sender) -> SimpleNamespace:
    """Ourselves with one track."""
    return SimpleNamespace(_sender_of=lambda sid: sender if sid == "TR_mine" else None)


@pytest.mark.parametrize("by_codec", [False, True])
@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({models.LOW}, [("h", False)]),
        ({models.LOW, models.MEDIUM}, [("h", True)]),
        ({models.LOW, models.MEDIUM, models.HIGH}, [("h", True)]),
        (set(), [("h", False)]),
    ],
)
def test_the_full_size_is_sent_while_somebody_wants_more_than_the_small_one(
    wanted: set[int], told: list[tuple[str, bool]], by_codec: bool
) -> None:
    sender = Sender()
    room: Any = SimpleNamespace(local_participant=local(sender))
    message = rtc.SignalResponse()
    update = message.subscribed_quality_update
    update.track_sid = "TR_mine"
    place = update.subscribed_codecs.add(codec="vp8").qualities if by_codec else None
    for quality in (models.LOW, models.MEDIUM, models.HIGH):
        each = (update.subscribed_qualities if place is None else place).add()
        each.quality, each.enabled = quality, quality in wanted
    take_subscription_message(room, message)
    assert sender.told == told


def test_news_of_unknown_tracks_and_empty_ones_change_nothing() -> None:
    sender = Sender()
    room: Any = SimpleNamespace(local_participant=local(sender))
    for sid in ("TR_mine", "TR_other"):
        message = rtc.SignalResponse()
        message.subscribed_quality_update.track_sid = sid
        if sid == "TR_other":
            message.subscribed_quality_update.subscribed_qualities.add(quality=2)
        take_subscription_message(room, message)
    assert sender.told == []
