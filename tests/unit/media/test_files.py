from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from engage_tui.errors import EngageError, MediaFileError
from engage_tui.media.camera import CameraSource
from engage_tui.media.devices import open_source
from engage_tui.media.source import AudioFrame, VideoFrame
from engage_tui.media.synthetic import PatternSource, read_counter
from tests.unit.media.test_synthetic import collect
from tests.waiting import until_sync

_PICTURES = 6


def make_clip(path: Path, *, sound: bool = True, size: tuple[int, int] = (320, 180)) -> Path:
    """A clip of `_PICTURES` numbered pictures at 30 a second, with a rising ramp as stereo sound."""
    pattern = PatternSource(size)
    pattern._prepare()
    with av.open(str(path), "w") as container:
        video = container.add_stream("mjpeg", rate=30)
        video.width, video.height, video.pix_fmt = *pattern.size, "yuvj420p"
        if sound:
            audio = container.add_stream("pcm_s16le", rate=24_000, layout="stereo")
            ramp = np.repeat(np.arange(4_800, dtype=np.int16), 2)[None]
            frame = av.AudioFrame.from_ndarray(ramp, "s16", "stereo")
            frame.sample_rate, frame.pts, frame.time_base = 24_000, 0, Fraction(1, 24_000)
            container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
        for number in range(_PICTURES):
            picture = pattern._draw(number).reformat(format="yuvj420p")
            picture.pts, picture.time_base = number, Fraction(1, 30)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
    return path


def test_video_file_keeps_size_and_rate_and_loops(tmp_path: Path) -> None:
    source = open_source("video", f"file:{make_clip(tmp_path / 'clip.mkv')}")
    frames: list[VideoFrame] = collect(source, _PICTURES + 3)
    numbers = [read_counter(frame.picture) for frame in frames[: _PICTURES + 3]]
    assert numbers == [0, 1, 2, 3, 4, 5, 0, 1, 2]
    assert source.size == (320, 180)
    assert source.frame_rate == pytest.approx(30)
    assert not source.is_device
    assert all(frame.picture.format.name == "yuv420p" for frame in frames)
    steps = np.diff([frame.time for frame in frames[:_PICTURES]])
    assert np.median(steps) == pytest.approx(1 / 30, abs=0.02)


def test_audio_file_becomes_blocks_and_loops_without_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "steady.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        # Not a whole number of blocks: a careless loop would pad the last one.
        file.writeframes(np.full(1_700, 1_234, np.int16).tobytes())
    frames: list[AudioFrame] = collect(open_source("audio", f"file:{path}"), 12)
    assert all(frame.samples.shape == (480, 1) for frame in frames)
    assert {int(value) for frame in frames for value in np.unique(frame.samples)} == {1_234}


def test_both_kinds_of_one_file_are_two_sources(tmp_path: Path) -> None:
    src = f"file:{make_clip(tmp_path / 'clip.mkv')}"
    sound, pictures = open_source("audio", src), open_source("video", src)
    heard: list[AudioFrame] = []
    seen: list[VideoFrame] = []
    sound.add_sink(heard.append)
    pictures.add_sink(seen.append)
    sound.open()
    pictures.open()
    until_sync(lambda: len(heard) > 5 and len(seen) > 3)
    sound.close()
    pictures.close()
    assert heard[0].samples.shape == (480, 2)


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_missing_broken_and_unfitting_files(tmp_path: Path, kind: str) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0\0\0\x20ftypisom" + bytes(500))
    silent = make_clip(tmp_path / "silent.mkv", sound=False)
    mute = tmp_path / "tone.wav"
    with wave.open(str(mute), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(bytes(1_000))
    unfitting = silent if kind == "audio" else mute
    for path in (tmp_path / "absent.mkv", broken, unfitting):
        source = (
            open_source("audio", f"file:{path}")
            if kind == "audio"
            else open_source("video", f"file:{path}")
        )
        with pytest.raises(MediaFileError) as caught:
            source.open()
        assert str(path) in caught.value.message
        assert caught.value.hint
        assert not source.is_open


def test_damage_in_the_middle_is_skipped(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", sound=False)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(200)
    path.write_bytes(data)
    frames: list[VideoFrame] = collect(open_source("video", f"file:{path}"), _PICTURES)
    assert len(frames) >= _PICTURES


def test_camera_plays_a_recording_to_its_end(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "recording.avi", sound=False, size=(321, 181))
    camera = CameraSource(str(path), frame_rate=60)
    frames: list[VideoFrame] = []
    endings: list[EngageError] = []
    camera.add_sink(frames.append)
    camera.on_ended = endings.append
    camera.open()
    assert camera.size == (320, 180)
    until_sync(lambda: endings)
    assert [read_counter(frame.picture) for frame in frames] == list(range(_PICTURES))
    assert "at its end" in endings[0].message
    assert not camera.is_open
    camera.close()


def test_a_picture_with_opacity_lies_on_black(tmp_path: Path) -> None:
    rgba = np.full((32, 48, 4), (240, 120, 60, 255), np.uint8)
    rgba[:, 24:, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "half.png")
    frame = collect(open_source("video", f"file:{tmp_path / 'half.png'}"), 1)[0].picture
    rgb = frame.to_ndarray(format="rgb24").astype(int)
    assert np.abs(rgb[:, :20] - (240, 120, 60)).max() < 8
    assert rgb[:, 28:].max() < 8
