"""What we publish: tracks put on a session, taken back, and put on the next one after a loss."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

from engage_tui.errors import ConnectError, EngageError, PublishError
from engage_tui.sdk.enums import ParticipantEvent, TrackEvent, TrackSource
from engage_tui.sdk.local_messages import LocalMessages
from engage_tui.sdk.local_profile import NOT_ALLOWED, LocalRoomPort
from engage_tui.sdk.local_publication import LocalTrackPublication
from engage_tui.sdk.local_track import LocalTrack
from engage_tui.sdk.options import TrackPublishOptions
from engage_tui.sdk.publishing import Prepared, prepare

if TYPE_CHECKING:
    from engage_tui.rtc.sender import AudioSender
    from engage_tui.rtc.video_sender import VideoSender
    from engage_tui.sdk.connection import Connection

_log = logging.getLogger(__name__)

RETRY, RETURN = 1.0, 10.0
"""Seconds between two looks for a device that is gone, and for how long it is looked for."""


@dataclass(slots=True)
class _Published:
    """What is needed to publish a track again after a rejoin."""

    publication: LocalTrackPublication
    options: TrackPublishOptions
    sender: AudioSender | VideoSender


class LocalTracks(LocalMessages):
    """Ourselves as a publisher. Our tracks stand in the same maps as everybody's."""

    def __init__(self, info: models.ParticipantInfo, room: LocalRoomPort) -> None:
        super().__init__(info, room)
        self._published: dict[str, _Published] = {}
        self._offered: dict[str, Prepared] = {}  # by SID, until they are published
        self._owed: list[tuple[LocalTrack, TrackPublishOptions]] = []  # to the next session
        self._former_sids: dict[LocalTrack, str] = {}  # of what is published again
        self._publishing = asyncio.Lock()

    async def publish_track(
        self, track: LocalTrack, options: TrackPublishOptions | None = None
    ) -> LocalTrackPublication:
        """Share a track with the room; waits for a running reconnect.

        Publishing the same track again returns the publication that stands.

        Raises:
            ConnectError: The room is not connected.
            PublishError: The token or the server does not allow it.
        """
        async with self._publishing:
            for each in self._published.values():
                if each.publication.track is track:
                    _log.warning("%s is already published", track.source)
                    return each.publication
            chosen = options or TrackPublishOptions()
            if chosen.source is not None:
                track.source = chosen.source
            self._check_allowed(track.source)
            if self.get_track(track.source) is not None:
                _log.warning("a second track of %s is published", track.source)
            if not track.is_muted:
                await track.start()
            connection = await self._local_room.settled()
            try:
                return await self._publish(connection, track, chosen)
            except ConnectError as error:
                raise PublishError(f"Not published: {error.message}", error.hint) from error

    async def _publish(
        self, connection: Connection, track: LocalTrack, options: TrackPublishOptions
    ) -> LocalTrackPublication:
        prepared = await prepare(connection, track, options)
        self._offered = {prepared.info.sid: prepared}
        try:
            await connection.negotiate()
            if (refusal := prepared.refusal) is not None:
                raise refusal
        except BaseException:
            await prepared.take_back()
            raise
        return self._take_up(prepared)

    def _take_up(self, prepared: Prepared) -> LocalTrackPublication:
        """A track was offered and taken: it is published."""
        track, info = prepared.track, prepared.info
        self._offered.pop(info.sid, None)
        track.sid, track.name = info.sid, info.name
        track.off(TrackEvent.ENDED, self._source_ended)
        track.on(TrackEvent.ENDED, self._source_ended)
        publication = LocalTrackPublication(info, self, track)
        self._add(publication)
        self._published[info.sid] = _Published(publication, prepared.options, prepared.sender)
        self.emit(ParticipantEvent.LOCAL_TRACK_PUBLISHED, publication)
        return publication

    async def unpublish_track(
        self, track: LocalTrack, stop_on_unpublish: bool = True
    ) -> LocalTrackPublication | None:
        """Take a track back.

        Args:
            track: What was published.
            stop_on_unpublish: Free its device or file too.

        Returns:
            Its former publication; None if the track was not published.
        """
        sid = next((s for s, e in self._published.items() if e.publication.track is track), None)
        if sid is None:
            self._no_longer_owed(track)
            return None
        published = self._published.pop(sid)
        publication = published.publication
        self._remove(publication)
        self.emit(ParticipantEvent.LOCAL_TRACK_UNPUBLISHED, publication)
        track.off(TrackEvent.ENDED, self._source_ended)
        track._connect(None)
        publication._release()
        track.sid = ""
        if stop_on_unpublish:
            await track.stop()
        try:
            connection = await self._local_room.settled()
            if connection.publisher is not None:
                await connection.publisher.remove_sender(published.sender)
                await connection.negotiate()
        except ConnectError as error:
            _log.info("unpublished without telling the server: %s", error)
        return publication

    async def unpublish_tracks(self, tracks: Sequence[LocalTrack]) -> list[LocalTrackPublication]:
        """Take several tracks back; those that were not published are left out of the result."""
        results = [await self.unpublish_track(track) for track in tracks]
        return [each for each in results if each is not None]

    def _check_allowed(self, source: TrackSource) -> None:
        allowed = self.permissions
        if not allowed.can_publish:
            raise PublishError("The token does not allow publishing.", NOT_ALLOWED)
        if allowed.can_publish_sources and source not in allowed.can_publish_sources:
            raise PublishError(f"The token does not allow publishing {source}.", NOT_ALLOWED)

    def _source_ended(self, error: EngageError) -> None:
        self.emit(ParticipantEvent.MEDIA_DEVICES_ERROR, error)
        for publication in self.get_tracks():
            track = publication.track
            if track is None or track.media.is_open or publication.is_muted:
                continue
            if publication.source is TrackSource.SCREEN_SHARE:
                self.tasks.spawn(self.unpublish_track(track), "unpublish_lost")
            else:
                self.tasks.spawn(self._replace_lost(publication, track), "replace_lost")

    async def _replace_lost(self, publication: LocalTrackPublication, track: LocalTrack) -> None:
        """A device is gone: go on with the system's default one, else muted."""
        lost = track.device_id
        if track.media.is_device:
            try:
                await track.set_device_id("default")
                await track.start()
                return
            except EngageError as error:
                _log.info("no other device in place of the lost one: %s", error)
        await publication.mute()
        if track.media.is_device:
            await self._await_return(publication, track, lost)

    async def _await_return(
        self, publication: LocalTrackPublication, track: LocalTrack, lost: str
    ) -> None:
        """Go on when the device is back within seconds, as after a restart of the sound system.

        Later somebody who sees themselves muted may rely on it, and has to unmute.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + RETURN
        while loop.time() < until:
            await asyncio.sleep(RETRY)
            if not publication.is_muted or publication.track is not track:
                return
            for device in dict.fromkeys((lost, "default")):
                try:
                    await track.set_device_id(device)
                    await publication.unmute()
                except EngageError as error:
                    _log.info("%s is not back: %s", device, error)
                else:
                    return

    # -- on the next session -----------------------------------------------------------------------

    async def _offer_again(self, connection: Connection) -> list[Prepared]:
        """Announce on a new session everything that we publish, muted tracks too, at once, and offer it together.

        Returns:
            What the server took, for `_publish_again`; what it refused is logged. Nothing if the session was lost.
        """
        wanted = [(each.publication.track, each.options) for each in self._published.values()]
        ours = [(track, options) for track, options in wanted if track is not None] + self._owed
        results: list[Prepared | BaseException] = await asyncio.gather(
            *(prepare(connection, track, options) for track, options in ours),
            return_exceptions=True,
        )
        self._offered = {each.info.sid: each for each in results if isinstance(each, Prepared)}
        silence: BaseException | None = None
        try:
            if results:
                await connection.negotiate()
        except EngageError as error:
            silence = error
        if connection.is_over:
            return []
        taken = []
        for (track, _), result in zip(ours, results, strict=True):
            if isinstance(result, Prepared):
                failure = silence or result.refusal
                if failure is None:
                    taken.append(result)
                    continue
                await result.take_back()
            else:
                failure = result
            if not isinstance(failure, EngageError):
                raise failure
            _log.warning("%s could not be published again: %s", track.source, failure)
        return taken

    async def _publish_again(self, connection: Connection, taken: Sequence[Prepared]) -> None:
        """Publish on a new session what it took.

        If that session is lost as well, the rest waits for the next one.
        """
        before, self._published = list(self._published.values()), {}
        for each in before:
            track = each.publication.track
            if track is not None:
                self._former_sids[track] = each.publication.track_sid
            self._remove(each.publication)
            self.emit(ParticipantEvent.LOCAL_TRACK_UNPUBLISHED, each.publication)
            each.publication._release()
            if track is not None:
                self._owed.append((track, each.options))
        ready = {each.track: each for each in taken}
        while self._owed:
            if connection.is_over:
                return
            track, _ = self._owed[0]
            self._no_longer_owed(track)
            prepared = ready.pop(track, None)
            if prepared is None:  # refused
                await track.stop()
                continue
            publication = self._take_up(prepared)
            if publication.is_muted != track.is_muted:  # switched while it was on its way
                await publication._switch(track.is_muted, tell=True)
        for prepared in ready.values():  # unpublished meanwhile
            await prepared.take_back()
        if ready:
            await connection.negotiate()
        former, self._former_sids = self._former_sids, {}
        self._permit_again({sid: track.sid for track, sid in former.items() if track.sid})

    def _no_longer_owed(self, track: LocalTrack) -> None:
        self._owed = [owed for owed in self._owed if owed[0] is not track]

    def _sender_of(self, sid: str) -> AudioSender | VideoSender | None:
        """The sender of a track that the server may speak of already."""
        known = self._published.get(sid) or self._offered.get(sid)
        return None if known is None else known.sender

    def _announced(self) -> list[rtc.TrackPublishedResponse]:
        """What we publish, as the server knows it."""
        return [
            rtc.TrackPublishedResponse(cid=each.sender.cid, track=each.publication._info)
            for each in self._published.values()
        ]

    # -- what the room tells us --------------------------------------------------------------------

    async def _server_muted(self, sid: str, muted: bool) -> None:
        published = self._published.get(sid)
        if published is None or published.publication.is_muted == muted:
            return
        try:
            await published.publication._switch(muted, tell=True)
        except EngageError as error:
            self.emit(ParticipantEvent.MEDIA_DEVICES_ERROR, error)

    async def _server_unpublished(self, sid: str) -> None:
        published = self._published.get(sid)
        if published is not None and published.publication.track is not None:
            await self.unpublish_track(published.publication.track)

    async def _stop_all(self) -> None:
        """Free every device and file; the publications are over with the room."""
        for each in list(self._published.values()):
            if each.publication.track is not None:
                each.publication.track._connect(None)
                await each.publication.track.stop()
        owed, self._owed = self._owed, []
        for track, _ in owed:
            await track.stop()
