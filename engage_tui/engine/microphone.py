"""The person's own voice in a call: what is done to it, what is wrong with it, and push to talk."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from engage_tui.engine.view import ProcessingView
from engage_tui.errors import EngageError, UsageError
from engage_tui.sdk.enums import TrackKind, TrackSource

if TYPE_CHECKING:
    from engage_tui.engine.call import Call
    from engage_tui.sdk.local_track import LocalAudioTrack

Switch = Callable[[TrackSource, bool], Awaitable[None]]

SILENT = 3.0
"""Seconds of nothing at all after which a microphone is said to send nothing."""

MUTED_SPEECH = 0.8
"""Seconds of speech, within two, after which somebody is told that they are muted."""

AGAIN = 30.0
"""Seconds before the same is told again."""

HOLD = 0.7
"""Seconds for which one press of a key holds push to talk: a terminal tells of no release, only of repeats."""

_NOTHING = "Your microphone sends nothing: is it muted, or is another device the right one?"
_MUTED = "You are muted: nobody hears you."


class Advice:
    """Tells what a person should know of their own microphone; pure, on the caller's clock."""

    def __init__(self) -> None:
        self._silent = False
        self._credit = 0.0
        self._before: float | None = None
        self._told = float("-inf")

    def look(self, now: float, *, muted: bool, nothing_for: float, speaking: bool) -> str:
        """Look again, about ten times a second.

        Args:
            now: Seconds of a monotonic clock.
            muted: Whether others do not hear it.
            nothing_for: Seconds for which the device has sent nothing at all.
            speaking: Whether a voice is heard at the microphone.

        Returns:
            A sentence to be told now, or empty.
        """
        step = 0.0 if self._before is None else min(0.5, now - self._before)
        self._before = now
        silent = nothing_for >= SILENT and not muted
        fresh, self._silent = silent and not self._silent, silent
        if fresh:
            return _NOTHING
        if not muted:
            self._credit = 0.0
            return ""
        # Speech earns and pauses cost, so that a cough or a word to the cat is left alone.
        self._credit = max(0.0, self._credit + (step if speaking else -step / 1.5))
        if self._credit < MUTED_SPEECH or now - self._told < AGAIN:
            return ""
        self._told, self._credit = now, 0.0
        return _MUTED


class Microphone:
    """The chain's switches, its advice, and push to talk.

    Args:
        call: The call that it belongs to.
    """

    def __init__(self, call: Call) -> None:
        from engage_tui.media.processing import Processing

        self._call = call
        self._wanted = Processing()
        self._advice = Advice()
        self._held_until: float | None = None  # None: push to talk is not pressed
        self._talking: asyncio.Task[None] | None = None

    @property
    def track(self) -> LocalAudioTrack | None:
        """The microphone, previewed or published."""
        call = self._call
        if call.lobby is not None:
            return call.lobby.audio_track
        if call.room is None or not call.room.is_joined:
            return None
        publication = call.room.local_participant.get_track(TrackSource.MICROPHONE)
        track: Any = publication.track if publication is not None else None
        return track if track is None or track.kind is TrackKind.AUDIO else None

    def view(self) -> ProcessingView:
        """The switches as the screen shows them."""
        from engage_tui.media.processing import problem

        track, missing = self.track, problem()
        chain = track.chain if track is not None else None
        return ProcessingView(
            echo=self._wanted.echo,
            noise=self._wanted.noise,
            gain=self._wanted.gain,
            cancelling=chain is not None and chain.cancelling,
            applies=track is None or chain is not None,
            problem="" if missing is None else str(missing),
            talking=self._held_until is not None,
        )

    def set_processing(self, arguments: dict[str, Any]) -> None:
        """Serve the intent: any of ``echo`` (auto, on, off), ``noise`` and ``gain`` (bool).

        Raises:
            UsageError: A word or a value that means nothing here.
            DeviceError: The package that does it is not installed.
        """
        from engage_tui.media.processing import problem

        changes = {
            key: value for key, value in arguments.items() if key in ("echo", "noise", "gain")
        }
        if not changes:
            raise UsageError("Nothing is named.", "Name echo, noise or gain.")
        for key, value in changes.items():
            if key == "echo" and value not in ("auto", "on", "off"):
                raise UsageError(f"echo must be auto, on or off, not {value!r}.")
            if key != "echo" and not isinstance(value, bool):
                raise UsageError(f"{key} must be true or false, not {value!r}.")
        missing = problem()
        if missing is not None and any(value not in (False, "off") for value in changes.values()):
            raise missing
        self._wanted = dataclasses.replace(self._wanted, **changes)
        self._apply()
        self._call.touch()

    def look(self) -> None:
        """Apply the switches to whatever microphone is open now, and give advice; ten times a second."""
        self._apply()
        track = self.track
        chain = track.chain if track is not None and track.media.is_open else None
        if chain is None or self._call.room is None or track is None:
            return
        advice = self._advice.look(
            time.monotonic(),
            muted=track.is_muted,
            nothing_for=chain.silent_blocks / 100,
            speaking=chain.speaking,
        )
        if advice:
            self._call.notice("warning", advice)

    async def talk(self, arguments: dict[str, Any], switch: Switch) -> None:
        """Serve the intent: unmute with the last 200 ms while ``value`` holds.

        ``hold`` (seconds) ends it by itself unless it is repeated; 0: only by ``value`` false.

        Args:
            arguments: As the intent has them.
            switch: Turns the microphone on and off as its key does.

        Raises:
            EngageError: The microphone cannot be opened or published.
        """
        value, hold = arguments["value"], float(arguments.get("hold", HOLD))
        if not isinstance(value, bool) or not 0 <= hold <= 60:
            raise UsageError("value must be true or false, and hold 0 to 60 seconds.")
        pressed, now = self._held_until is not None, time.monotonic()
        if not value:
            if pressed:
                self._held_until = now
                await self._until_released(switch)
            return
        track = self.track
        if track is not None and not track.is_muted and not pressed:
            return  # the microphone is on already: push to talk would only mute it at the end
        self._held_until = float("inf") if hold == 0 else now + hold
        if pressed:
            return
        if track is not None:
            track.send_earlier()
        try:
            await switch(TrackSource.MICROPHONE, True)
        except EngageError:
            self._held_until = None
            raise
        self._talking = self._call.tasks.spawn(self._until_released(switch), "push_to_talk")

    async def _until_released(self, switch: Switch) -> None:
        while self._held_until is not None:
            left = self._held_until - time.monotonic()
            if left <= 0:
                self._held_until = None
                await switch(TrackSource.MICROPHONE, False)
                return
            await asyncio.sleep(min(left, 0.1))

    def _apply(self) -> None:
        track = self.track
        if track is not None and track.chain is not None:
            track.chain.wanted = self._wanted
