"""Publications of our own."""

from __future__ import annotations

from livekit.protocol import models, rtc

from engage_tui.sdk.local_track import LocalAudioTrack, LocalTrack, LocalVideoTrack
from engage_tui.sdk.publication import PublicationPort, TrackPublication
from engage_tui.sdk.track import TrackStats


class LocalTrackPublication(TrackPublication):
    """One of our own tracks, published."""

    def __init__(self, info: models.TrackInfo, port: PublicationPort, track: LocalTrack) -> None:
        super().__init__(info, port)
        self._track: LocalTrack | None = track
        self._final = TrackStats()

    @property
    def track(self) -> LocalTrack | None:
        """The track; None once it is unpublished."""
        return self._track

    @property
    def audio_track(self) -> LocalAudioTrack | None:
        """The track if it is sound."""
        return self._track if isinstance(self._track, LocalAudioTrack) else None

    @property
    def video_track(self) -> LocalVideoTrack | None:
        """The track if it is pictures."""
        return self._track if isinstance(self._track, LocalVideoTrack) else None

    @property
    def is_subscribed(self) -> bool:
        """Always true: we have it."""
        return True

    @property
    def stats(self) -> TrackStats:
        """What was sent."""
        return self._track.stats if self._track else self._final

    async def mute(self) -> None:
        """Send nothing more, and tell the others."""
        await self._switch(True, tell=True)

    async def unmute(self) -> None:
        """Send again, and tell the others.

        Raises:
            DeviceError: The camera cannot be opened any more; the publication stays muted.
        """
        await self._switch(False, tell=True)

    async def _switch(self, muted: bool, *, tell: bool) -> None:
        if self._track is None:
            return
        await (self._track.mute() if muted else self._track.unmute())
        if tell:
            self._tell_muted(muted)
        self._info.muted = muted
        self._change_muted(muted)

    def _tell_muted(self, muted: bool) -> None:
        request = rtc.SignalRequest()
        request.mute.sid = self.track_sid
        request.mute.muted = muted
        self._port.send(request)

    def _release(self) -> None:
        if self._track is not None:
            self._final = self._track.stats
        self._track = None
