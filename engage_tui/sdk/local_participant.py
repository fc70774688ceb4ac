"""Ourselves in the room: what we publish."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from livekit.protocol import models, rtc

from engage_tui.errors import ConnectError, DeviceError, EngageError, PublishError
from engage_tui.sdk.announcement import announcement, layers_of
from engage_tui.sdk.enums import (
    ParticipantEvent,
    TrackEvent,
    TrackKind,
    TrackSource,
)
from engage_tui.sdk.local_messages import LocalMessages
from engage_tui.sdk.local_profile import NOT_ALLOWED, LocalRoomPort
from engage_tui.sdk.local_track import (
    LocalAudioTrack,
    LocalTrack,
    LocalVideoTrack,
    create_local_audio_track,
    create_local_screen_tracks,
    create_local_tracks,
    create_local_video_track,
)
from engage_tui.sdk.options import (
    AudioCaptureOptions,
    ScreenShareCaptureOptions,
    TrackPublishOptions,
    VideoCaptureOptions,
)
from engage_tui.sdk.publication import LocalTrackPublication

if TYPE_CHECKING:
    from engage_tui.rtc.sender import AudioSender
    from engage_tui.rtc.video_sender import VideoSender
    from engage_tui.sdk.connection import Connection

_log = logging.getLogger(__name__)

RETRY, RETURN = 1.0, 10.0
"""Seconds between two looks for a device that is gone, and for how long it is looked for."""

CaptureOptions = AudioCaptureOptions | VideoCaptureOptions | ScreenShareCaptureOptions


@dataclass(slots=True)
class _Published:
    """What is needed to publish a track again after a rejoin."""

    publication: LocalTrackPublication
    options: TrackPublishOptions
    sender: AudioSender | VideoSender


class LocalParticipant(LocalMessages):
    """Ourselves. Tracks that we publish stand in the same maps as everybody's."""

    def __init__(self, info: models.ParticipantInfo, room: LocalRoomPort) -> None:
        super().__init__(info, room)
        self._published: dict[str, _Published] = {}
        self._owed: list[tuple[LocalTrack, TrackPublishOptions]] = []  # to the next session
        self._former_sids: dict[LocalTrack, str] = {}  # of what is published again
        self._publishing = asyncio.Lock()
        self._changing: set[TrackSource] = set()
        self._devices: dict[TrackSource, str] = {}  # the last that was switched to

    # -- one call for each of the three switches ---------------------------------------------------

    async def set_microphone_enabled(
        self,
        enabled: bool,
        capture: AudioCaptureOptions | None = None,
        publish: TrackPublishOptions | None = None,
    ) -> LocalTrackPublication | None:
        """Publish the microphone or unmute it; False mutes it.

        Returns:
            Its publication; None if there is none, or if another change is still under way.

        Raises:
            DeviceError: It cannot be opened.
            PublishError: The server does not take it.
        """
        return await self._set_enabled(TrackSource.MICROPHONE, enabled, capture, publish)

    async def set_camera_enabled(
        self,
        enabled: bool,
        capture: VideoCaptureOptions | None = None,
        publish: TrackPublishOptions | None = None,
    ) -> LocalTrackPublication | None:
        """Publish the camera or unmute it; False mutes it and frees the device.

        Returns and raises as `set_microphone_enabled`.
        """
        return await self._set_enabled(TrackSource.CAMERA, enabled, capture, publish)

    async def set_screen_share_enabled(
        self,
        enabled: bool,
        capture: ScreenShareCaptureOptions | None = None,
        publish: TrackPublishOptions | None = None,
    ) -> LocalTrackPublication | None:
        """Publish the screen; False unpublishes it, because a shared screen cannot be muted.

        Returns and raises as `set_microphone_enabled`.
        """
        return await self._set_enabled(TrackSource.SCREEN_SHARE, enabled, capture, publish)

    async def enable_camera_and_microphone(self) -> list[LocalTrackPublication]:
        """Open both at once and publish them; what is published already is unmuted.

        Raises:
            DeviceErrors: What cannot be opened; nothing is published then.
            PublishError: The server does not take one.
        """
        wanted = {TrackSource.MICROPHONE: True, TrackSource.CAMERA: True}
        for source in wanted:
            self._check_allowed(source)
            if (known := self.get_track(source)) is not None:
                wanted[source] = False
                await known.unmute()
        tracks = await create_local_tracks(
            wanted[TrackSource.MICROPHONE] and self._capture_options(TrackSource.MICROPHONE),
            wanted[TrackSource.CAMERA] and self._capture_options(TrackSource.CAMERA),
        )
        for number, track in enumerate(tracks):
            try:
                await self.publish_track(track)
            except BaseException:
                await asyncio.gather(*(each.stop() for each in tracks[number:]))
                raise
        found = (self.get_track(source) for source in wanted)
        return [each for each in found if each is not None]

    async def _set_enabled(
        self,
        source: TrackSource,
        enabled: bool,
        capture: CaptureOptions | None,
        options: TrackPublishOptions | None,
    ) -> LocalTrackPublication | None:
        if source in self._changing:
            return None
        self._changing.add(source)
        try:
            publication = self.get_track(source)
            if publication is not None:
                await self._switch(publication, enabled)
                return publication
            return await self._capture_and_publish(source, capture, options) if enabled else None
        except EngageError as error:
            if error.exit_code == DeviceError.default_exit_code:
                self.emit(ParticipantEvent.MEDIA_DEVICES_ERROR, error)
            raise
        finally:
            self._changing.discard(source)

    async def _switch(self, publication: LocalTrackPublication, enabled: bool) -> None:
        if enabled:
            await publication.unmute()
        elif publication.source is not TrackSource.SCREEN_SHARE:
            await publication.mute()
        elif publication.track is not None:
            await self.unpublish_track(publication.track)

    async def _capture_and_publish(
        self,
        source: TrackSource,
        capture: CaptureOptions | None,
        options: TrackPublishOptions | None,
    ) -> LocalTrackPublication:
        self._check_allowed(source)
        track = await _capture(source, capture or self._capture_options(source))
        try:
            return await self.publish_track(track, options)
        except BaseException:
            await track.stop()
            raise

    # -- devices -----------------------------------------------------------------------------------

    async def switch_device(self, source: TrackSource, device_id: str) -> bool:
        """Take another device for what is published of `source`, and for later captures.

        Publications, SIDs and subscribers stay. For rooms: `Room.switch_active_device`.

        Returns:
            Whether something was published that now comes from it.

        Raises:
            DeviceError: It cannot be opened; everything goes on as before.
        """
        switched: list[tuple[LocalTrack, str]] = []
        try:
            for publication in self.get_tracks():
                track = publication.track
                if track is not None and publication.source is source:
                    before = track.device_id
                    await track.set_device_id(device_id)
                    switched.append((track, before))
        except BaseException:
            for track, before in switched:
                await track.set_device_id(before)
            raise
        self._devices[source] = device_id
        return bool(switched)

    def _capture_options(self, source: TrackSource) -> Any:
        """The options with the device that was switched to last."""
        device_id = self._devices.get(source, "")
        if source is TrackSource.MICROPHONE:
            return AudioCaptureOptions(device_id or "default")
        if source is TrackSource.CAMERA:
            return VideoCaptureOptions(device_id or "default")
        return ScreenShareCaptureOptions(device_id or "screen")

    # -- tracks ------------------------------------------------------------------------------------

    async def create_tracks(
        self,
        audio: bool | str | AudioCaptureOptions = True,
        video: bool | str | VideoCaptureOptions = True,
    ) -> list[LocalTrack]:
        """As `create_local_tracks`."""
        return await create_local_tracks(audio, video)

    async def create_screen_tracks(
        self, options: ScreenShareCaptureOptions | None = None
    ) -> list[LocalTrack]:
        """As `create_local_screen_tracks`."""
        return await create_local_screen_tracks(options=options)

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
        peer = connection.publisher
        if peer is None:
            raise ConnectError("The room is not connected.", "Join it first.")
        layers = layers_of(track, options)
        request = announcement(track, options, layers)
        info = await connection.announce(request)
        sender: AudioSender | VideoSender
        if track.kind is TrackKind.AUDIO:
            low_latency = isinstance(track, LocalAudioTrack) and track.low_latency
            sender = peer.add_audio_sender(request.cid, low_latency=low_latency)
        else:
            sender = peer.add_video_sender(
                request.cid,
                codec=options.video_codec,
                bitrate=options.bitrate,
                layers=layers,
            )
        track._connect(sender)
        try:
            await connection.negotiate()
            if peer.refuses(sender):
                raise PublishError(
                    f"The server takes no {sender.codec} from us.", "Publish it in another codec."
                )
        except BaseException:
            track._connect(None)
            await peer.remove_sender(sender)
            raise
        track.sid, track.name = info.sid, info.name
        track.off(TrackEvent.ENDED, self._source_ended)
        track.on(TrackEvent.ENDED, self._source_ended)
        publication = LocalTrackPublication(info, self, track)
        self._add(publication)
        self._published[info.sid] = _Published(publication, options, sender)
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
            self._owed = [owed for owed in self._owed if owed[0] is not track]
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

    # -- what the room tells us --------------------------------------------------------------------

    async def _publish_again(self, connection: Connection) -> None:
        """Publish everything on a new session, muted tracks too; what is refused is logged and gone.

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
        while self._owed:
            track, options = self._owed[0]
            try:
                await self._publish(connection, track, options)
            except EngageError as error:
                if connection.is_over:
                    return
                _log.warning("%s could not be published again: %s", track.source, error)
                await track.stop()
            self._owed = [owed for owed in self._owed if owed[0] is not track]
        former, self._former_sids = self._former_sids, {}
        self._permit_again({sid: track.sid for track, sid in former.items() if track.sid})

    def _announced(self) -> list[rtc.TrackPublishedResponse]:
        """What we publish, as the server knows it."""
        return [
            rtc.TrackPublishedResponse(cid=each.sender.cid, track=each.publication._info)
            for each in self._published.values()
        ]

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


async def _capture(source: TrackSource, capture: CaptureOptions | None) -> LocalTrack:
    if source is TrackSource.MICROPHONE:
        audio = capture if isinstance(capture, AudioCaptureOptions) else AudioCaptureOptions()
        track: LocalAudioTrack | LocalVideoTrack = await create_local_audio_track(options=audio)
        return track
    if source is TrackSource.CAMERA:
        video = capture if isinstance(capture, VideoCaptureOptions) else VideoCaptureOptions()
        return await create_local_video_track(options=video)
    screen = capture if isinstance(capture, ScreenShareCaptureOptions) else None
    return (await create_local_screen_tracks(options=screen))[0]
