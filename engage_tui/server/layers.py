"""Which simulcast layer a subscriber gets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from livekit.protocol import models

_ORDER = ("q", "h", "f")  # LiveKit's names, the smallest first


@dataclass(slots=True)
class Wish:
    """What a subscriber said that it shows (``UpdateTrackSettings``).

    Attributes:
        disabled: Nobody looks: send nothing.
        quality: ``models.LOW`` to ``models.HIGH``; counts when no size is given.
        width: Pixels shown; 0 if unsaid.
        height: Pixels shown; 0 if unsaid.
        priority: 1 is the highest; 0 if unsaid.
        fps: Pictures a second; 0 for all.
    """

    disabled: bool = False
    quality: int = models.VideoQuality.HIGH
    width: int = 0
    height: int = 0
    priority: int = 0
    fps: int = 0

    def wanted_quality(self, layers: Sequence[models.VideoLayer]) -> int:
        """The least quality among `layers` that covers the wanted size."""
        if not self.width or not self.height:
            return self.quality
        sized = sorted((layer.width * layer.height, layer.quality) for layer in layers)
        for pixels, quality in sized:
            # A layer of nine tenths is as good to the eye as the next one, at a quarter of its bytes.
            if pixels >= 0.9 * self.width * self.height:
                return quality
        return sized[-1][1] if sized else self.quality


def order(rids: Sequence[str]) -> list[str]:
    """The restriction ids, the smallest layer first; unknown names keep their place in the offer."""
    if all(rid in _ORDER for rid in rids):
        return sorted(rids, key=_ORDER.index)
    return list(rids)


def choose(rids: Sequence[str], live: Collection[str], quality: int) -> str | None:
    """The layer for a wanted `quality`: the best live one up to it, else the smallest live one.

    Args:
        rids: All layers, the smallest first.
        live: Those that arrive now.
        quality: ``models.LOW`` (0) to ``models.HIGH`` (2).
    """
    present = [rid for rid in rids if rid in live]
    if not present:
        return None
    best = max(0, min(len(rids) - 1, quality))
    fitting = [rid for rid in present if rids.index(rid) <= best]
    return fitting[-1] if fitting else present[0]
