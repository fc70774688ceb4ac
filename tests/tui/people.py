"""People to put on a stage."""

from __future__ import annotations

import time

import numpy as np

from engage_tui.engine.messages import Picture
from engage_tui.engine.view import PersonView, PublicationView, Subscription
from engage_tui.sdk.enums import TrackKind, TrackSource


def publication(
    who: str,
    source: TrackSource = TrackSource.CAMERA,
    *,
    subscription: Subscription = Subscription.ON,
    muted: bool = False,
    local: bool = False,
    codec: str = "",
    error: str = "",
) -> PublicationView:
    """One publication of `who`."""
    video = source in (TrackSource.CAMERA, TrackSource.SCREEN_SHARE)
    return PublicationView(
        f"{who}/{source}/",
        f"TR_{who}",
        TrackKind.VIDEO if video else TrackKind.AUDIO,
        source,
        "",
        local,
        muted,
        subscription,
        error=error,
        width=640 if video else 0,
        height=360 if video else 0,
        codec=codec or ("vp8" if video else "opus"),
    )


def person(
    who: str, *publications: PublicationView, local: bool = False, speaking: bool = False
) -> PersonView:
    """Somebody with these publications."""
    return PersonView(who, who, f"PA_{who}", local, publications, speaking=speaking)


def camera_person(who: str, *, speaking: bool = False) -> PersonView:
    """Somebody with a microphone and a subscribed camera."""
    microphone = publication(who, TrackSource.MICROPHONE)
    return person(who, microphone, publication(who), speaking=speaking)


def picture(
    tile: int,
    key: str,
    width: int,
    height: int,
    shade: int = 200,
    *,
    number: int = 1,
    stamp: float = -1,
) -> Picture:
    """A picture whose rows differ from one another."""
    rows = (np.arange(height) * 3 + shade) % 256
    pixels = np.broadcast_to(rows[:, None, None], (height, width, 3)).astype(np.uint8)
    when = time.monotonic() if stamp < 0 else stamp
    return Picture(tile, number, key, width, height, when, pixels.tobytes())
