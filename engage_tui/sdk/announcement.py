"""How a track of ours is announced to the server."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

from engage_tui.sdk.convert import kind_number, source_number
from engage_tui.sdk.local_track import LocalTrack, LocalVideoTrack
from engage_tui.sdk.options import TrackPublishOptions

if TYPE_CHECKING:
    from engage_tui.rtc.video_sender import Layer


def layers_of(track: LocalTrack, options: TrackPublishOptions) -> Sequence[Layer]:
    """The layers in which a track is sent, the smallest first."""
    from engage_tui.rtc.video_sender import ONE_LAYER, layers_for

    if not isinstance(track, LocalVideoTrack) or not options.simulcast:
        return ONE_LAYER
    return layers_for(*track.published_size)


def announcement(
    track: LocalTrack, options: TrackPublishOptions, layers: Sequence[Layer]
) -> rtc.AddTrackRequest:
    """What the server is told of a track before it is sent, and by which it will know it (`cid`)."""
    request = rtc.AddTrackRequest(
        cid=secrets.token_hex(8),
        name=options.name or track.name or track.source.value,
        type=kind_number(track.kind),
        source=source_number(track.source),
        muted=track.is_muted,
    )
    if isinstance(track, LocalVideoTrack):
        width, height = request.width, request.height = track.published_size
        for rank, layer in enumerate(layers):
            request.layers.add(
                # With two layers LiveKit's names for them are q and h, their ranks low and high.
                quality=models.HIGH if layer is layers[-1] else models.LOW,
                width=width // layer.shrink,
                height=height // layer.shrink,
                # livekit-server looks for these in the description of a new section only, not of one used again.
                spatial_layer=rank,
                rid=layer.rid,
            )
    return request
