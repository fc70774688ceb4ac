"""The call as a whole, as the status line and the control bar show it: built from the live room."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from engage_tui.engine.credentials import is_loopback
from engage_tui.engine.messages import Start
from engage_tui.engine.view import (
    CallView,
    DevicesView,
    HearingView,
    Phase,
    ProcessingView,
    ToggleView,
)
from engage_tui.sdk.enums import TrackSource

if TYPE_CHECKING:
    from engage_tui.sdk.room import Room


def call_view(
    room: Room | None,
    start: Start,
    pending: Collection[TrackSource],
    failures: Mapping[TrackSource, str],
    *,
    phase: Phase,
    joined_at: float,
    speaker: str,
    processing: ProcessingView,
    hearing: HearingView,
    equipment: DevicesView,
) -> CallView:
    """The call at this moment.

    Args:
        room: The room; None in the lobby.
        start: What the call was started with.
        pending: Switches whose change is under way.
        failures: Why the last change of a switch failed.
        phase: Where the person stands.
        joined_at: Unix time of the join in seconds; 0 before it.
        speaker: The sound output in words.
        processing: What is done to the person's voice.
        hearing: How the person hears the others.
        equipment: The devices.
    """

    def switch(source: TrackSource) -> ToggleView:
        return toggle(room, source, source in pending, failures.get(source, ""))

    trip = room.round_trip_time if room is not None else None
    return CallView(
        phase=phase,
        room=room.name if room is not None and room.is_joined else start.room,
        server=start.url,
        identity=start.identity,
        round_trip_ms=-1 if trip is None else round(trip * 1000),
        invite=invite(start),
        joined_at=joined_at,
        microphone=switch(TrackSource.MICROPHONE),
        camera=switch(TrackSource.CAMERA),
        screen=switch(TrackSource.SCREEN_SHARE),
        speaker=speaker,
        processing=processing,
        hearing=hearing,
        equipment=equipment,
        recording=room is not None and room.is_recording,
    )


def invite(start: Start) -> str:
    """The command with which somebody else joins; empty while no room is chosen."""
    if not start.room:
        return ""
    token = "" if is_loopback(start.url) else " --token TOKEN"
    return f"engage-tui join {start.room} --url {start.url}{token}"


def toggle(room: Room | None, source: TrackSource, pending: bool, error: str) -> ToggleView:
    """One of the three switches: on while others receive it."""
    publication = None
    if room is not None and room.is_joined:
        publication = room.local_participant.get_track(source)
    track = publication.track if publication is not None else None
    return ToggleView(
        on=publication is not None and not publication.is_muted,
        pending=pending,
        error=error,
        label=track.label if track is not None else "",
    )
