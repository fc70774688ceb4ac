"""Publications of others, which can be subscribed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

from engage_tui.errors import EngageError, RefusedError
from engage_tui.sdk.convert import can_decode, quality_number
from engage_tui.sdk.enums import (
    PermissionStatus,
    StreamState,
    SubscriptionStatus,
    TrackEvent,
    TrackKind,
    VideoQuality,
)
from engage_tui.sdk.publication import PublicationPort, TrackPublication
from engage_tui.sdk.track import RemoteAudioTrack, RemoteTrack, RemoteVideoTrack, TrackStats

if TYPE_CHECKING:
    from engage_tui.rtc.receiver import Receiver


class RemoteTrackPublication(TrackPublication):
    """Somebody else's track. Receiving it starts with ``set_subscribed(True)``.

    Attributes:
        error: Why the last subscription failed; None when it did not.
        stream_state: Whether the server paused it for want of bandwidth.
    """

    def __init__(self, info: models.TrackInfo, port: PublicationPort) -> None:
        super().__init__(info, port)
        self.error: EngageError | None = None
        self.stream_state = StreamState.UNKNOWN
        self._permission_status = PermissionStatus.ALLOWED
        self._manual: bool | None = None
        self._desired = False
        self._track: RemoteAudioTrack | RemoteVideoTrack | None = None
        self._earlier = TrackStats()
        self._enabled = True
        self._visible = True
        self._wanted_size = (0, 0)
        self._wanted_quality = VideoQuality.HIGH
        self._wanted_fps = 0
        self._revoked = False  # it was wanted when our right to subscribe was taken
        self._small_first = False  # until its first picture is there

    @property
    def manual(self) -> bool | None:
        """What `set_subscribed` said last; None: nobody said, the audio connection manager may decide."""
        return self._manual

    @manual.setter
    def manual(self, manual: bool | None) -> None:
        self._manual = manual
        self._port.wishes_changed()

    @property
    def permission_status(self) -> PermissionStatus:
        """Whether the publisher lets us subscribe."""
        return self._permission_status

    @permission_status.setter
    def permission_status(self, status: PermissionStatus) -> None:
        self._permission_status = status
        self._port.wishes_changed()

    @property
    def track(self) -> RemoteAudioTrack | RemoteVideoTrack | None:
        """The track while it is received, else None."""
        return self._track

    @property
    def audio_track(self) -> RemoteAudioTrack | None:
        """The track if it is received and sound."""
        return self._track if isinstance(self._track, RemoteAudioTrack) else None

    @property
    def video_track(self) -> RemoteVideoTrack | None:
        """The track if it is received and pictures."""
        return self._track if isinstance(self._track, RemoteVideoTrack) else None

    @property
    def is_subscribed(self) -> bool:
        """Whether it is wanted and its track is there."""
        return self._desired and self._track is not None

    @property
    def is_desired(self) -> bool:
        """Whether it is wanted."""
        return self._desired

    @property
    def may_be_subscribed(self) -> bool:
        """Whether our token lets us subscribe and we can decode it."""
        return self._obstacle() is None

    @property
    def is_enabled(self) -> bool:
        """Whether the server is asked to send while subscribed."""
        return self._enabled

    @property
    def subscription_status(self) -> SubscriptionStatus:
        """How far the subscription has come."""
        if not self._desired:
            return SubscriptionStatus.UNSUBSCRIBED
        return SubscriptionStatus.SUBSCRIBED if self._track else SubscriptionStatus.DESIRED

    @property
    def stats(self) -> TrackStats:
        """See `TrackPublication.stats`."""
        return self._track.stats.plus(self._earlier) if self._track else self._earlier

    def set_subscribed(self, subscribed: bool) -> None:
        """Start or stop receiving.

        The status changes at once; `TrackEvent.SUBSCRIBED` follows when the track is there, ``UNSUBSCRIBED`` when it
        is gone, ``SUBSCRIPTION_FAILED`` if it cannot be had. On a microphone this overrides the audio connection
        manager until the participant's connection mode is set again.
        """
        self.manual = subscribed
        self._revoked = False
        self._want(subscribed)

    def set_enabled(self, enabled: bool) -> None:
        """Have the server stop or resume sending while the subscription stays."""
        if enabled != self._enabled:
            self._enabled = enabled
            self._send_settings()

    def set_visible(self, visible: bool) -> None:
        """Say whether anything shows it: while nothing does, the server sends nothing, as with `set_enabled`.

        For front ends, so that what scrolls out of sight does not touch what was chosen with `set_enabled`.
        """
        if visible != self._visible:
            before, self._visible = self.is_flowing, visible
            if before != self.is_flowing:
                self._send_settings()

    @property
    def is_flowing(self) -> bool:
        """Whether the server is asked to send, once subscribed: enabled, and something shows it."""
        return self._enabled and self._visible

    def set_video_dimensions(self, width: int, height: int) -> None:
        """Ask for the smallest layer that fills `width` x `height` pixels; ``(0, 0)``: the largest."""
        if (width, height) != self._wanted_size:
            self._wanted_size = (width, height)
            self._send_settings()

    def set_video_quality(self, quality: VideoQuality) -> None:
        """Ask for a layer by its rank instead of its size."""
        if (quality, (0, 0)) != (self._wanted_quality, self._wanted_size):
            self._wanted_quality, self._wanted_size = quality, (0, 0)
            self._send_settings()

    def set_video_fps(self, fps: int) -> None:
        """Ask for at most about `fps` pictures a second; 0: all. Servers thin only what is sent in temporal layers."""
        if fps != self._wanted_fps:
            self._wanted_fps = fps
            self._send_settings()

    def _begin_small(self) -> None:
        """Ask for the smallest layer until its first picture is there, then for what is wanted.

        For who comes back: livekit-server asks a publisher for a keyframe of a full layer only once a second, and
        does so in vain for the session that it is just closing.
        """
        self._small_first = self.simulcasted

    def _grow(self) -> None:
        if self._small_first:
            self._small_first = False
            self._send_settings()

    def _want(self, subscribed: bool) -> None:
        if subscribed and (error := self._obstacle()) is not None:
            self._fail(error)
            return
        if subscribed == self._desired:
            return
        before = self.subscription_status
        self._desired = subscribed
        self.error = None
        self._send_subscription()
        self._status_changed(before)
        if self._desired and self._track is None:
            receiver = self._port.receiver_of(self.track_sid)
            if receiver is not None:
                self._received(receiver)

    def _right_changed(self) -> None:
        """Our token's right to subscribe came or went; what was wanted before is wanted again when it comes back."""
        self._port.wishes_changed()
        if self._desired and self._obstacle() is not None:
            self._revoked = True
            self._want(True)  # which fails in words
        elif self._revoked and not self._desired:
            self._revoked = False
            self.error = None
            self._want(True)

    def _obstacle(self) -> EngageError | None:
        if not self._port.may_subscribe:
            return RefusedError(
                "The token does not allow receiving tracks.", "Ask for one that does."
            )
        if not can_decode(self.mime_type):
            return _codec_error(self.mime_type)
        return None

    def _send_subscription(self) -> None:
        request = rtc.SignalRequest()
        request.subscription.track_sids.append(self.track_sid)
        request.subscription.subscribe = self._desired
        tracks = request.subscription.participant_tracks.add()
        tracks.participant_sid = self._port.sid
        tracks.track_sids.append(self.track_sid)
        self._port.send(request)
        if self._desired and self.kind is TrackKind.VIDEO:
            self._send_settings()

    def _send_settings(self) -> None:
        if not self._desired:
            return
        request = rtc.SignalRequest()
        setting = request.track_setting
        setting.track_sids.append(self.track_sid)
        setting.disabled = not self.is_flowing
        if self._small_first:
            setting.quality = quality_number(VideoQuality.LOW)
        elif self.kind is TrackKind.VIDEO:
            setting.quality = quality_number(self._wanted_quality)
            setting.width, setting.height = self._wanted_size
            setting.fps = self._wanted_fps
        self._port.send(request)

    def _status_changed(self, before: SubscriptionStatus) -> None:
        self._port.wishes_changed()
        now = self.subscription_status
        if now is not before:
            self.emit(TrackEvent.SUBSCRIPTION_STATUS_CHANGED, now, before)

    def _fail(self, error: EngageError) -> None:
        before = self.subscription_status
        self._desired = False
        self.error = error
        self.emit(TrackEvent.SUBSCRIPTION_FAILED, error)
        self._status_changed(before)

    def _received(self, receiver: Receiver) -> RemoteTrack:
        """The track's media section stands."""
        self._dropped()
        before = self.subscription_status
        make = RemoteAudioTrack if receiver.kind == "audio" else RemoteVideoTrack
        self._track = make(receiver, self.source, sid=self.track_sid, name=self.track_name)
        self._track._set_muted(self._is_muted)
        if self._small_first and isinstance(self._track, RemoteVideoTrack):
            self._track.on_first(self._grow)
        self.error = None
        self.emit(TrackEvent.SUBSCRIBED, self._track)
        self._status_changed(before)
        return self._track

    def _dropped(self, *, for_good: bool = False) -> None:
        """The track's media section is gone; `for_good` if the subscription went with it."""
        before = self.subscription_status
        self._desired = self._desired and not for_good
        track = self._track
        if track is None:
            self._status_changed(before)
            return
        self._earlier = self.stats
        if self._earlier.rms is not None:
            self._earlier = dataclasses.replace(self._earlier, rms=0.0)
        self._track = None
        track.detach()
        self.emit(TrackEvent.UNSUBSCRIBED, track)
        self._status_changed(before)

    def _update(self, info: models.TrackInfo) -> None:
        if (info.source, info.mime_type) != (self._info.source, self._info.mime_type):
            self._port.wishes_changed()
        self._info.CopyFrom(info)
        if self._track is not None:
            self._track._set_muted(info.muted)
        self._change_muted(info.muted)


def _codec_error(mime_type: str) -> EngageError:
    name = mime_type.partition("/")[2] or mime_type or "this codec"
    return EngageError(
        f"The track is sent as {name}, which we cannot decode.",
        "Have it published as VP8 or H264, sound as Opus.",
    )


def subscription_error(number: int, mime_type: str) -> EngageError:
    """The error for a `SubscriptionResponse`.

    Args:
        number: LiveKit's `SubscriptionError`.
        mime_type: The codec that was announced.
    """
    if number == models.SE_CODEC_UNSUPPORTED:
        return _codec_error(mime_type)
    return EngageError("The track is gone.", "Its publisher may publish it again.")
