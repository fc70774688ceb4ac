"""Engage's API, feature by feature: devices, tracks of one's own, publishing. In the order of the README's table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engage_tui import (
    AudioCaptureOptions,
    DeviceError,
    DeviceManager,
    EngageError,
    LocalAudioTrack,
    LocalTrack,
    LocalVideoTrack,
    MediaDeviceKind,
    RemoteAudioTrack,
    RemoteTrack,
    RemoteVideoTrack,
    RoomEvent,
    ScreenShareCaptureOptions,
    Space,
    Track,
    TrackEvent,
    TrackKind,
    TrackSource,
    VideoCaptureOptions,
    create_local_audio_track,
    create_local_screen_tracks,
    create_local_tracks,
    create_local_video_track,
)
from engage_tui.media.source import AudioFrame, AudioSource
from engage_tui.sdk import device_manager
from tests.integration.meeting import join, meet
from tests.servers import TestServer
from tests.waiting import until

TEST_AUDIO = AudioCaptureOptions("test")
TEST_VIDEO = VideoCaptureOptions("test")


async def test_microphone_in_one_call(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name) as m:
        local = m.ada.local_participant
        published = await local.set_microphone_enabled(True, TEST_AUDIO)
        assert published is not None
        await until(lambda: local.is_microphone_enabled)
        await until(lambda: m.ada_of_bob.is_microphone_enabled)
        assert await local.set_microphone_enabled(False) is published, "muted, not unpublished"
        assert not local.is_microphone_enabled
        await until(lambda: not m.ada_of_bob.is_microphone_enabled)
        assert m.ada_of_bob.get_track(TrackSource.MICROPHONE) is not None
        assert await local.set_microphone_enabled(True) is published
        await until(lambda: m.ada_of_bob.is_microphone_enabled)
        assert len(local.tracks) == 1


async def test_camera_in_one_call(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name) as m:
        local = m.ada.local_participant
        published = await local.set_camera_enabled(True, TEST_VIDEO)
        assert published is not None
        assert published.video_track is not None
        await until(lambda: m.ada_of_bob.is_camera_enabled)
        await local.set_camera_enabled(False)
        assert not published.video_track.media.is_open, "the device is free"
        await until(lambda: not m.ada_of_bob.is_camera_enabled)
        assert await local.set_camera_enabled(True) is published
        assert published.video_track.media.is_open


async def test_screen_share_in_one_call(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name) as m:
        local = m.ada.local_participant
        await local.set_screen_share_enabled(True, ScreenShareCaptureOptions("test"))
        assert local.is_screen_share_enabled
        await until(lambda: m.ada_of_bob.is_screen_share_enabled)
        await local.set_screen_share_enabled(False)
        assert local.tracks == {}, "a shared screen is taken back, not muted"
        await until(lambda: m.ada_of_bob.tracks == {})


async def test_both_in_one_call(any_server: TestServer, room_name: str) -> None:
    async with Space() as space:
        room = await join(space, any_server, "ada", room_name)
        local = room.local_participant
        for source in (TrackSource.MICROPHONE, TrackSource.CAMERA):
            await local.switch_device(source, "test")
        published = await local.enable_camera_and_microphone()
        assert {each.source for each in published} == {TrackSource.MICROPHONE, TrackSource.CAMERA}
        await local.set_camera_enabled(False)
        assert await local.enable_camera_and_microphone() == published
        assert local.is_camera_enabled


async def test_track_classes_by_kind(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name, subscribe="all") as m:
        sound = await create_local_audio_track("test")
        picture = LocalVideoTrack((await create_local_video_track("test")).media)
        for track in (sound, picture):
            assert isinstance(track, LocalTrack)
            assert track.sid == ""
            await m.ada.local_participant.publish_track(track)
            assert track.sid.startswith("TR_")
        assert isinstance(sound, LocalAudioTrack)
        await until(lambda: sum(p.is_subscribed for p in m.ada_of_bob.tracks.values()) == 2)
        for publication in m.ada_of_bob.tracks.values():
            remote = publication.track
            assert isinstance(remote, RemoteTrack)
            assert isinstance(
                remote, RemoteAudioTrack if publication.kind == "audio" else RemoteVideoTrack
            )
            assert (remote.kind, remote.source) == (publication.kind, publication.source)
            assert remote.sid in {sound.sid, picture.sid}
            assert not remote.is_muted
            await m.ada.local_participant.tracks[remote.sid].mute()
            await until(lambda muted=remote: muted.is_muted)  # type: ignore[misc]


def test_kinds_and_sources_have_engages_strings() -> None:
    assert [each.value for each in TrackKind] == ["audio", "video", "unknown"]
    assert [each.value for each in Track.Source] == [
        "camera",
        "microphone",
        "screen_share",
        "screen_share_audio",
        "unknown",
    ]
    assert Track.Kind.AUDIO.value == "audio"


async def test_audio_track_factory_takes_a_device(tmp_path: Path) -> None:
    track = await create_local_audio_track("test")
    assert (track.kind, track.source, track.device_id) == ("audio", "microphone", "test")
    await until(lambda: track.level > 0)
    await track.stop()
    with pytest.raises(EngageError, match=r"nothing\.wav"):
        await create_local_audio_track(f"file:{tmp_path}/nothing.wav")


async def test_video_track_factory() -> None:
    track = await create_local_video_track("test")
    assert (track.kind, track.source, track.dimensions) == ("video", "camera", (640, 360))
    frames: list[Any] = []
    track.attach(frames.append)
    await until(lambda: frames)
    await track.stop()


async def test_screen_tracks_factory_gives_the_video_first() -> None:
    tracks = await create_local_screen_tracks("test")
    assert [(each.kind, each.source) for each in tracks] == [("video", "screen_share")]
    await tracks[0].stop()


async def test_tracks_factory_asks_once_and_tells_all_failures(tmp_path: Path) -> None:
    tracks = await create_local_tracks("test", "test")
    assert [each.kind for each in tracks] == ["audio", "video"]
    for track in tracks:
        await track.stop()
    with pytest.raises(DeviceError) as caught:
        await create_local_tracks(f"file:{tmp_path}/no.wav", f"file:{tmp_path}/no.webm")
    assert "no.wav" in caught.value.message
    assert "no.webm" in caught.value.message


async def test_device_manager_lists_by_kind_and_finds_by_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from engage_tui.media import devices

    machine = [
        devices.Device("audioinput", "Desk", "Desk", False, 0),
        devices.Device("audioinput", "Headset", "Headset", True, 1),
        devices.Device("videoinput", "Front", "Front", True, 0),
    ]
    monkeypatch.setattr(
        devices, "list_devices", lambda kind: [d for d in machine if kind in (None, d.kind)]
    )
    monkeypatch.setattr(devices, "_sound_devices", lambda **_: machine[:2])
    manager = DeviceManager.get_instance()
    assert manager is DeviceManager.get_instance()
    assert await manager.get_devices() == machine
    microphones = await manager.get_devices(MediaDeviceKind.AUDIO_INPUT)
    assert [each.label for each in microphones if each.default] == ["Headset"]
    kind = MediaDeviceKind.AUDIO_INPUT
    assert await manager.normalize_device_id(kind, "default") == "Headset"
    assert await manager.normalize_device_id(kind, "des") == "Desk"
    with pytest.raises(DeviceError, match="Desk"):
        await manager.normalize_device_id(kind, "none")


async def test_preview_before_joining_publishes_the_same_track(
    any_server: TestServer, room_name: str
) -> None:
    sound, picture = await create_local_tracks("test", "test")
    shown: list[Any] = []
    picture.attach(shown.append)
    assert isinstance(sound, LocalAudioTrack)
    await until(lambda: sound.level > 0 and shown)
    async with meet(any_server, room_name) as m:
        await m.ada.local_participant.publish_track(picture)
        seen = len(shown)
        await until(lambda: len(shown) > seen and m.ada_of_bob.video_tracks)
        await sound.stop()


async def test_publish_track_gives_a_publication_and_knows_a_track_again(
    any_server: TestServer, room_name: str
) -> None:
    async with meet(any_server, room_name) as m:
        local = m.ada.local_participant
        told: list[Any] = []
        local.on(RoomEvent.LOCAL_TRACK_PUBLISHED, lambda *a: told.append(("participant", *a)))
        m.ada.on(RoomEvent.LOCAL_TRACK_PUBLISHED, lambda *a: told.append(("room", *a)))
        track = await create_local_video_track("test")
        publication = await local.publish_track(track)
        assert publication.track is track
        assert publication.video_track is track
        assert local.tracks == {publication.track_sid: publication}
        assert told == [("participant", publication), ("room", publication, local)]
        assert await local.publish_track(track) is publication
        assert len(local.tracks) == 1


async def test_unpublish_track_gives_what_it_was_or_nothing(
    any_server: TestServer, room_name: str
) -> None:
    async with meet(any_server, room_name) as m:
        local = m.ada.local_participant
        track = await create_local_video_track("test")
        publication = await local.publish_track(track)
        order: list[Any] = []
        local.on(
            RoomEvent.LOCAL_TRACK_UNPUBLISHED,
            lambda each: order.append((dict(local.tracks), each.track)),
        )
        await until(lambda: m.ada_of_bob.tracks)
        assert await local.unpublish_track(track, stop_on_unpublish=False) is publication
        assert order == [({}, track)], "out of the maps, then told, then without its track"
        assert publication.track is None
        await until(lambda: track.media.is_open)
        assert await local.unpublish_track(track) is None
        await until(lambda: m.ada_of_bob.tracks == {})
        again = await local.publish_track(track)
        other = await create_local_audio_track("test")
        assert await local.unpublish_tracks([track, other]) == [again]
        assert not track.media.is_open
        await other.stop()


async def test_get_track_by_source_and_by_name(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name) as m:
        local = m.ada.local_participant
        track = await create_local_video_track("test")
        track.name = "face"
        published = await local.publish_track(track)
        await until(lambda: m.ada_of_bob.tracks)
        for participant in (local, m.ada_of_bob):
            found = participant.get_track(TrackSource.CAMERA)
            assert found is not None
            assert found.track_sid == published.track_sid
            assert participant.get_track_by_name("face") is found
            assert participant.get_track(TrackSource.SCREEN_SHARE) is None
            assert participant.get_track_by_name("back") is None


async def test_maps_by_sid_on_both_sides(any_server: TestServer, room_name: str) -> None:
    async with meet(any_server, room_name) as m:
        local = m.ada.local_participant
        sound = await local.publish_track(await create_local_audio_track("test"))
        picture = await local.publish_track(await create_local_video_track("test"))
        await until(lambda: len(m.ada_of_bob.tracks) == 2)
        for participant in (local, m.ada_of_bob):
            assert set(participant.audio_tracks) == {sound.track_sid}
            assert set(participant.video_tracks) == {picture.track_sid}
            assert participant.tracks == {**participant.audio_tracks, **participant.video_tracks}
            assert {each.track_sid for each in participant.get_tracks()} == set(participant.tracks)


async def test_switch_active_device_keeps_the_publication(
    any_server: TestServer, room_name: str, tmp_path: Path
) -> None:
    async with meet(any_server, room_name, subscribe="all") as m:
        local = m.ada.local_participant
        kind = MediaDeviceKind.VIDEO_INPUT
        published = await local.set_camera_enabled(True, TEST_VIDEO)
        assert published is not None
        restarted: list[bool] = []
        shown: list[Any] = []
        track = published.video_track
        assert track is not None
        track.on(TrackEvent.RESTARTED, lambda: restarted.append(True))
        track.attach(shown.append)
        before = track.media
        await until(lambda: m.ada_of_bob.tracks)
        seen = m.ada_of_bob.tracks[published.track_sid]
        await until(lambda: seen.stats.frames > 2, 10)

        with pytest.raises(EngageError):
            await m.ada.switch_active_device(kind, f"file:{tmp_path}/gone.webm")
        assert track.media is before
        await until(lambda: before.is_open, 0, "what was refused costs nothing")

        assert await m.ada.switch_active_device(kind, "test")
        assert track.media is not before
        assert not before.is_open
        assert restarted == [True]
        frames, sink = seen.stats.frames, len(shown)
        await until(lambda: seen.stats.frames > frames + 2 and len(shown) > sink, 10)
        assert list(local.tracks) == [published.track_sid]

        # Nothing published: the choice holds for the next capture.
        assert not await m.ada.switch_active_device(MediaDeviceKind.AUDIO_INPUT, "test")
        microphone = await local.set_microphone_enabled(True)
        assert microphone is not None
        assert microphone.track is not None
        assert microphone.track.device_id == "test"


async def test_an_output_that_cannot_be_opened_is_rolled_back(
    any_server: TestServer, room_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Space() as space:
        room = await join(space, any_server, "ada", room_name)
        taken: list[str | None] = []

        async def set_output(device: str | None) -> None:
            taken.append(device)
            if device == "gone":
                raise DeviceError("There is no speaker called gone.")

        monkeypatch.setattr(space, "set_output", set_output)
        assert await room.switch_active_device(MediaDeviceKind.AUDIO_OUTPUT, "desk")
        with pytest.raises(DeviceError):
            await room.switch_active_device(MediaDeviceKind.AUDIO_OUTPUT, "gone")
        assert taken == ["desk", "gone", None]


async def test_devices_that_come_are_told(
    room_server: TestServer, room_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    present = [frozenset({"a"}), frozenset({"a", "b"})]
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(
        device_manager, "_present", lambda: present.pop(0) if len(present) > 1 else present[0]
    )
    monkeypatch.setattr(device_manager.DeviceManager.changes, "__defaults__", (0.05,))  # seconds
    changes: list[bool] = []
    async with Space() as space:
        room = space.join_room(room_server.url, room_server.token("ada", room_name))
        room.on(RoomEvent.MEDIA_DEVICES_CHANGED, lambda: changes.append(True))
        await room.connected()
        await until(lambda: changes, 5)


class Dead(AudioSource):
    """A microphone that gives the same sample for ever, or nothing."""

    kind = "audio"
    label = device_id = "dead"

    def __init__(self, live: Callable[[], bool]) -> None:
        super().__init__()
        self._live = live
        self._open = False
        self._thread: Any = None

    def open(self) -> None:
        import threading

        if self._open:
            return
        self._open = True
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        import time

        while self._open:
            time.sleep(0.002)
            if self._live():
                self.push(AudioFrame(np.full((480, 1), 3, np.int16), time.monotonic()))

    def close(self) -> None:
        self._open = False
        if self._thread is not None:
            self._thread.join()

    @property
    def is_open(self) -> bool:
        return self._open


async def test_a_microphone_that_gives_nothing_is_noticed(
    any_server: TestServer, room_name: str
) -> None:
    async with Space() as space:
        room = await join(space, any_server, "ada", room_name)
        silent: list[Any] = []
        room.on(RoomEvent.LOCAL_AUDIO_SILENCE_DETECTED, silent.append)
        tone = await create_local_audio_track("test")
        await room.local_participant.publish_track(tone)
        assert not await tone.check_for_silence()
        dead = LocalAudioTrack(Dead(lambda: True))
        publication = await room.local_participant.publish_track(dead)
        await until(lambda: silent == [publication])
        nothing = LocalAudioTrack(Dead(lambda: False))
        await nothing.start()
        assert await nothing.check_for_silence(timeout=0.05)
        await nothing.stop()
