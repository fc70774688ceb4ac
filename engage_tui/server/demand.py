"""Which layers of a published video anybody wants: what nobody wants need not be sent (LiveKit's dynacast)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

if TYPE_CHECKING:
    from engage_tui.server.published import PublishedTrack

_PATIENCE = 5.0  # seconds for which a layer must be unwanted: people look to and fro
_EVERY = 0.2

NOBODY = -1
"""The quality that is wanted of a video that nobody watches."""


class Demand:
    """The highest quality that subscribers want of one track, and what its publisher was told of it.

    What a subscriber's link carries does not count: its way up again must be open.

    Attributes:
        told: As told last; publishers begin with everything.
    """

    def __init__(self) -> None:
        self.told: int = models.VideoQuality.HIGH
        self._lower_since: float | None = None
        self._looked = 0.0

    def look(self, track: PublishedTrack, now: float) -> rtc.SubscribedQualityUpdate | None:
        """What the publisher is to be told now, if anything; may be called at any rate."""
        if now - self._looked < _EVERY:
            return None
        self._looked = now
        layers = list(track.info.layers)
        wanted = max(
            (
                min(each.wish.wanted_quality(layers), models.VideoQuality.HIGH)
                for each in track.subscriptions.values()
                if not each.wish.disabled
            ),
            default=NOBODY,
        )
        if wanted >= self.told:
            self._lower_since = None
        elif self._lower_since is None:
            self._lower_since = now
        if wanted == self.told or (
            self._lower_since is not None and now - self._lower_since < _PATIENCE
        ):
            return None
        self.told, self._lower_since = wanted, None
        return _update(track, wanted)


def _update(track: PublishedTrack, wanted: int) -> rtc.SubscribedQualityUpdate:
    # Of a single layer all qualities are the same.
    highest = wanted if track.heights > 1 or wanted == NOBODY else models.VideoQuality.HIGH
    qualities = [
        rtc.SubscribedQuality(quality=models.VideoQuality.Name(quality), enabled=quality <= highest)
        for quality in range(models.VideoQuality.HIGH + 1)
    ]
    codec = rtc.SubscribedCodec(codec=track.codec.lower(), qualities=qualities)
    return rtc.SubscribedQualityUpdate(
        track_sid=track.sid, subscribed_qualities=qualities, subscribed_codecs=[codec]
    )
