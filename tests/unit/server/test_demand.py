"""What nobody wants is not asked for; what somebody wants is, at once."""

from __future__ import annotations

from livekit.protocol import models

from engage_tui.server.demand import NOBODY, Demand
from engage_tui.server.published import PublishedTrack
from tests.unit.server.media import Wire, stream, subscription, track


def simulcast() -> PublishedTrack:
    made = track(rids="qhf")
    for place, rid in enumerate("qhf"):
        stream(made, Wire(), rid, 10 + place)
    return made


def told(demand: Demand, of: PublishedTrack, start: float, seconds: float) -> list[list[bool]]:
    """Which qualities are enabled by each message within a time."""
    found = []
    for step in range(round(seconds * 10)):
        if (update := demand.look(of, start + step / 10)) is not None:
            assert update.track_sid == of.sid
            assert list(update.subscribed_codecs[0].qualities) == list(update.subscribed_qualities)
            found.append([each.enabled for each in update.subscribed_qualities])
    return found


def test_nobody_watches() -> None:
    demand, source = Demand(), simulcast()
    assert told(demand, source, 100, 4) == []
    assert told(demand, source, 104, 3) == [[False, False, False]]
    assert demand.told == NOBODY
    assert told(demand, source, 107, 9) == []


def test_the_largest_wish_counts_and_rises_at_once() -> None:
    demand, source = Demand(), simulcast()
    one, two = subscription(source, Wire()), subscription(source, Wire())
    source.subscriptions = {"PA_1": one, "PA_2": two}
    one.wish.quality, two.wish.quality = models.VideoQuality.LOW, models.VideoQuality.MEDIUM
    assert told(demand, source, 100, 7) == [[True, True, False]]
    two.wish.disabled = True
    assert told(demand, source, 107, 7) == [[True, False, False]]
    one.wish.quality = models.VideoQuality.HIGH
    assert told(demand, source, 114, 0.5) == [[True, True, True]]
    one.allow(0, 115)  # a narrow link is no wish
    assert told(demand, source, 115, 9) == []


def test_a_look_away_of_a_moment_is_not_told() -> None:
    demand, source = Demand(), simulcast()
    one = subscription(source, Wire())
    source.subscriptions = {"PA_1": one}
    one.wish.disabled = True
    assert told(demand, source, 100, 4) == []
    one.wish.disabled = False
    assert told(demand, source, 104, 20) == []


def test_a_single_layer_is_on_or_off() -> None:
    demand, source = Demand(), track()
    stream(source, Wire())
    one = subscription(source, Wire())
    source.subscriptions = {"PA_1": one}
    one.wish.quality = models.VideoQuality.LOW
    assert told(demand, source, 100, 7) == [[True, True, True]]
    one.wish.disabled = True
    assert told(demand, source, 107, 7) == [[False, False, False]]
