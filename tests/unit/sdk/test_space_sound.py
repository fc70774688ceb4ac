"""Engage's spatial API: what is set on the SDK's objects is what the mix sounds like."""

from __future__ import annotations

import math
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from engage_tui import (
    AudioBedFormat,
    AudioFile,
    AudioObject,
    CoordinateSystem,
    DistanceModelDataPoint,
    EngageError,
    MediaFileError,
    PositionMode,
    RenderingMode,
    Space,
    SpatialMode,
    UsageError,
    Vector3D,
)
from engage_tui.sdk.spatial_controls import SpatialControls
from engage_tui.spatial.coordinates import OPENGL
from tests.unit.sdk.fakes import FakeReceiver, FakeRoom, microphone, person

Block = npt.NDArray[np.float32]
BLOCK = 480


class Steady:
    """An input of a value for each channel."""

    def __init__(self, *values: float) -> None:
        self.values = values

    @property
    def channels(self) -> int:
        return len(self.values)

    def pull(self, samples: int) -> Block | None:
        return np.tile(np.array(self.values, np.float32), (samples, 1))


class Broken(Steady):
    def pull(self, samples: int) -> Block | None:
        raise RuntimeError("broken input")


def make_space(spatial: SpatialMode = SpatialMode.STEREO, **options: Any) -> Space:
    space = Space(spatial=spatial, **options)
    space._prepare_sound()
    return space


def heard(space: Space, blocks: int = 4) -> tuple[float, float]:
    """What comes out of the left and right in the end."""
    for _ in range(blocks):
        mix = space.mixer.render(BLOCK)
    return float(mix[-1, 0]), float(mix[-1, 1])


def steady_object(space: Space, *values: float) -> AudioObject:
    created = space.create_audio_object()
    created.set_input(Steady(*(values or (0.5,))))
    return created


def write_wave(path: Path, samples: npt.NDArray[Any], rate: int) -> str:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return str(path)


@pytest.mark.parametrize(
    ("system", "right"),
    [
        (CoordinateSystem.OPENGL, (2, 0, 0)),
        (CoordinateSystem.UNITY, (2, 0, 0)),
        (CoordinateSystem.ATMOKY, (0, -2, 0)),
    ],
)
def test_right_is_right_in_every_coordinate_system(
    system: CoordinateSystem, right: tuple[float, float, float]
) -> None:
    space = make_space(coordinate_system=system)
    steady_object(space).set_position(*right)
    left_ear, right_ear = heard(space)
    assert abs(left_ear) < 1e-3
    assert right_ear > 0.1


def test_the_listener_moves_and_turns_by_every_setter() -> None:
    space = make_space()
    listener = space.audio_listener
    assert listener.get_position() == Vector3D(0, 0, 0)
    created = steady_object(space)
    created.set_position(0, 0, -1)
    listener.set_position(1, 0, -1)
    assert listener.get_position() == Vector3D(1, 0, -1)
    assert heard(space) == pytest.approx((0.5, 0), abs=1e-3)
    listener.set_position(0, 0, 0)
    listener.set_rotation(math.pi / 2, 0, 0)  # to the left: what was ahead is on the right
    assert heard(space) == pytest.approx((0, 0.5), abs=1e-3)
    turn = listener.get_rotation_quaternion()
    listener.set_orientation(Vector3D(1, 0, 0), Vector3D(0, 1, 0))
    assert heard(space) == pytest.approx((0.5, 0), abs=1e-3)
    listener.set_rotation_quaternion(turn.x, turn.y, turn.z, turn.w)
    assert heard(space) == pytest.approx((0, 0.5), abs=1e-3)


def test_what_makes_no_sense_is_refused_and_sound_goes_on() -> None:
    space = make_space()
    created, listener = steady_object(space), space.audio_listener
    before = heard(space)
    up = Vector3D(0, 1, 0)
    wrong: list[Callable[[], None]] = [
        lambda: created.set_position(math.nan, 0, 0),
        lambda: created.set_position(0, math.inf, 0),
        lambda: created.set_position(0, 0, 1e9),
        lambda: created.set_orientation_quaternion(1, 1, 1, 1),
        lambda: created.set_gain_linear(-1),
        lambda: created.set_gain_db(1000),
        lambda: created.set_reverb_send_linear(math.nan),
        lambda: created.set_occlusion(1.1),
        lambda: created.set_directivity(180, 90, 0.5),
        lambda: listener.set_position(0, math.nan, 0),
        lambda: listener.set_orientation(Vector3D(0, 0, -1), Vector3D(0, 0.7, -0.7)),
        lambda: listener.set_orientation(Vector3D(0, 0, -9), up),
        lambda: listener.set_rotation(math.inf, 0, 0),
        lambda: listener.set_rotation_quaternion(0, 0, 0, 0),
        lambda: space.set_reverb_amount(2),
        lambda: space.set_externalizer_amount(math.nan),
        lambda: space.set_externalizer_character(-1),
    ]
    for call in wrong:
        with pytest.raises(UsageError):
            call()
    assert heard(space) == pytest.approx(before)


def test_gains_in_decibels_and_linear_are_one() -> None:
    controls = SpatialControls(OPENGL)
    controls.set_gain_db(-6)
    assert controls.get_gain_linear() == pytest.approx(0.501, abs=1e-3)
    controls.set_gain_linear(0)
    assert controls.get_gain_db() == -math.inf
    controls.set_gain_db(-math.inf)
    assert controls.get_gain_linear() == 0
    assert controls.get_reverb_send_linear() == 0
    controls.set_reverb_send_db(-20)
    assert controls.get_reverb_send_linear() == pytest.approx(0.1)
    assert controls.get_reverb_send_db() == pytest.approx(-20)
    controls.set_direct_gain_linear(0.5)
    controls.set_occlusion(0.25)
    assert (controls.get_direct_gain_linear(), controls.get_occlusion()) == (0.5, 0.25)
    controls.set_directivity(90, 180, 0.25, 0.5)
    assert controls.get_directivity().outer_angle == 180


def test_distance_models_are_shared_and_change_what_uses_them() -> None:
    space = make_space(number_of_distance_models=2)
    model = space.distance_models[0]
    assert DistanceModelDataPoint(1, 0) == model.get_data_points().A
    created = steady_object(space)
    created.set_position(0, 0, -4)
    ahead = 0.5 * math.sqrt(0.5)
    assert heard(space)[0] == pytest.approx(ahead * 10 ** (-12 / 20), rel=1e-3)
    created.set_distance_model(model)
    assert created.get_distance_model() is model
    model.set_data_points(
        DistanceModelDataPoint(0, -20),
        DistanceModelDataPoint(5, -20),
        DistanceModelDataPoint(6, -30),
        7,
    )
    assert heard(space)[0] == pytest.approx(ahead * 0.1, rel=1e-3)
    with pytest.raises(UsageError, match="out of order"):
        model.set_data_points(
            DistanceModelDataPoint(2, 0),
            DistanceModelDataPoint(1, 0),
            DistanceModelDataPoint(3, 0),
            4,
        )
    assert model.get_data_points().max_distance == 7
    created.set_position(0, 0, -8)
    assert heard(space) == pytest.approx((0, 0), abs=1e-6)
    created.set_reverb_send_linear(1.0)
    assert abs(heard(space, 60)[0]) > 1e-4  # the send does not mind the distance
    created.set_reverb_send_distance_model(model)
    assert created.get_reverb_send_distance_model() is model
    assert heard(space, 100) == pytest.approx((0, 0), abs=1e-5)


def test_position_and_rendering_modes() -> None:
    space = make_space()
    created = steady_object(space, 0.2, 0.4)
    created.set_position(1, 0, 0)
    space.audio_listener.set_rotation(-math.pi / 2, 0, 0)
    assert heard(space)[0] == pytest.approx(heard(space)[1], abs=1e-3)
    created.set_position_mode(PositionMode.HEAD_LOCKED)
    assert created.position_mode is PositionMode.HEAD_LOCKED
    assert heard(space) == pytest.approx((0, 0.3), abs=1e-3)
    created.set_direct_gain_linear(0.1)
    created.set_gain_linear(0.5)
    created.set_rendering_mode(RenderingMode.DIRECT_THROUGH)
    assert created.rendering_mode is RenderingMode.DIRECT_THROUGH
    assert heard(space) == pytest.approx((0.1, 0.2))


def test_directivity_is_heard() -> None:
    space = make_space()
    created = steady_object(space)
    created.set_position(0, 0, -1)
    created.set_directivity(90, 180, 0.25)
    away = heard(space)[0]
    created.set_orientation_quaternion(0, 1, 0, 0)  # half a turn: it faces the listener
    assert heard(space)[0] == pytest.approx(4 * away, rel=1e-3)


def test_objects_are_counted_and_removed_for_good() -> None:
    space = make_space(number_of_audio_objects=1)
    created = steady_object(space)
    with pytest.raises(UsageError, match="1 audio objects already"):
        space.create_audio_object()
    assert space.audio_objects == [created]
    space.remove_audio_object(created)
    assert space.audio_objects == []
    assert heard(space) == (0, 0)
    with pytest.raises(UsageError, match="not in the space"):
        space.remove_audio_object(created)
    with pytest.raises(UsageError, match="was removed"):
        created.set_input(Steady(0.1))
    other = space.create_audio_object()
    with pytest.raises(UsageError, match="one or two channels, not 6"):
        other.set_input(Steady(*[0.1] * 6))
    with pytest.raises(UsageError, match="Load the file first"):
        other.set_input(AudioFile())


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44_100, 2), (11_025, 1), (96_000, 2)])
async def test_files_of_any_rate_play_once_or_loop(
    tmp_path: Path, rate: int, channels: int
) -> None:
    seconds = 0.1037
    time = np.arange(int(seconds * rate)) / rate
    wave_form = np.sin(2 * np.pi * 440 * time)[:, None].repeat(channels, 1) * 0.5
    file = AudioFile()
    with pytest.raises(UsageError, match="nothing to play"):
        file.play()
    await file.load(write_wave(tmp_path / "a.wav", wave_form, rate))
    assert file.channels == channels
    assert file.duration == pytest.approx(seconds, abs=0.01)
    space = make_space(SpatialMode.OFF)
    space.create_audio_object().set_input(file)
    assert heard(space) == (0, 0)
    file.play()
    blocks = [space.mixer.render(BLOCK) for _ in range(12)]
    ended = not file.is_playing
    assert ended
    assert file.position == 0
    power = float(np.concatenate(blocks[2:9])[:, 0].std())
    assert power == pytest.approx(
        0.5 * math.sqrt(0.5) / (1 if channels == 2 else math.sqrt(2)), rel=0.1
    )
    file.set_loop(True)
    file.play()
    looped = np.concatenate([space.mixer.render(BLOCK) for _ in range(40)])
    assert file.get_loop()
    assert file.is_playing
    assert float(np.abs(looped[-BLOCK:]).max()) > 0.1
    file.pause()
    at = file.position
    assert heard(space) == (0, 0)
    assert file.position == at
    file.stop()
    assert file.position == 0


async def test_a_file_in_two_places_plays_once_and_is_heard_in_both(tmp_path: Path) -> None:
    ramp = np.linspace(0, 0.5, 4800)[:, None]
    file = AudioFile()
    await file.load(write_wave(tmp_path / "ramp.wav", ramp, 48_000))
    space = make_space(SpatialMode.STEREO, audio_bed_format=AudioBedFormat.STEREO)
    for side in (-1, 1):
        created = space.create_audio_object()
        created.set_position(side, 0, 0)
        created.set_input(file)
    file.play()
    mix = np.concatenate([space.mixer.render(BLOCK) for _ in range(6)])
    assert file.position == pytest.approx(0.06)
    assert mix[:, 0] == pytest.approx(mix[:, 1], abs=1e-5)
    assert mix[: 4 * BLOCK, 0] == pytest.approx(ramp[: 4 * BLOCK, 0], abs=2e-3)
    assert space.audio_bed is not None
    space.audio_bed.set_input(file)  # and in the bed, too
    space.mixer.render(BLOCK)
    assert file.position == pytest.approx(0.07)


@pytest.mark.parametrize("content", [b"", b"no sound at all", b"RIFF\x00\x00\x00\x00WAVE"])
async def test_files_that_are_none_are_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(content)
    with pytest.raises(MediaFileError):
        await AudioFile().load(str(path))
    with pytest.raises(MediaFileError, match="no file"):
        await AudioFile().load(str(tmp_path / "absent.wav"))


def test_a_bed_surrounds_mixes_its_inputs_and_may_turn_with_the_head() -> None:
    space = make_space(audio_bed_format=AudioBedFormat.STEREO)
    bed = space.audio_bed
    assert bed is not None
    first, second = Steady(0.4, 0.0), Steady(0.1, 0.0)
    bed.set_input(first)
    bed.set_input(first)
    bed.set_input(second)
    left, right = heard(space)
    assert left > 1.5 * right > 0
    bed.remove_input(second)
    assert heard(space)[0] == pytest.approx(left * 0.8, rel=1e-3)
    bed.set_gain_db(-20)
    assert bed.get_gain_linear() == pytest.approx(0.1)
    assert bed.get_gain_db() == pytest.approx(-20)
    assert heard(space)[0] == pytest.approx(left * 0.08, rel=1e-3)
    space.audio_listener.set_position(100, 0, 0)  # carried along
    assert heard(space)[0] == pytest.approx(left * 0.08, rel=1e-3)
    space.audio_listener.set_rotation(math.pi, 0, 0)  # turned round: left is right
    assert heard(space)[1] == pytest.approx(left * 0.08, rel=1e-2)
    bed.set_headlocked(True)
    assert bed.get_headlocked()
    assert heard(space)[0] == pytest.approx(left * 0.08, rel=1e-2)
    with pytest.raises(UsageError, match="not connected"):
        bed.remove_input(second)
    bed.remove_input(first)
    assert heard(space) == (0, 0)


@pytest.mark.parametrize(
    ("bed_format", "values"),
    [
        (AudioBedFormat.SURROUND51, (0.3, 0, 0, 0, 0.3, 0)),
        (AudioBedFormat.AMBISONICS1, (0.3, 0.3, 0, 0)),
    ],
)
def test_surround_and_ambisonics_have_a_left(
    bed_format: AudioBedFormat, values: tuple[float, ...]
) -> None:
    space = make_space(audio_bed_format=bed_format)
    bed = space.audio_bed
    assert bed is not None
    assert bed.format is bed_format
    bed.set_input(Steady(*values))
    left, right = heard(space)
    assert left > 1.5 * abs(right)
    with pytest.raises(UsageError, match="channels, not 3"):
        bed.set_input(Steady(0.1, 0.1, 0.1))


def test_a_broken_input_of_a_bed_is_logged_once_and_silent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    space = make_space(audio_bed_format=AudioBedFormat.STEREO)
    assert space.audio_bed is not None
    space.audio_bed.set_input(Broken(0, 0))
    space.audio_bed.set_input(Steady(0.1, 0.1))
    assert heard(space)[0] > 0.05
    assert len([record for record in caplog.records if record.exc_info]) == 1


def test_reverb_and_externalizer_are_heard_and_can_be_asked() -> None:
    space = make_space()
    assert (space.get_reverb_amount(), space.get_externalizer_amount()) == (1, 0)
    space.set_externalizer_amount(0.5)
    space.set_externalizer_character(0.9)
    space.set_reverb_amount(0.25)
    assert space.get_reverb_amount() == 0.25
    assert space.get_externalizer_amount() == 0.5
    assert space.get_externalizer_character() == 0.9
    space.set_reverb_amount(0)
    created = steady_object(space)
    created.set_reverb_send_linear(1)
    with_reflections = space.mixer.render(BLOCK * 1)
    space.set_externalizer_amount(0)
    heard(space)
    dry = heard(space)
    space.set_reverb_amount(1)
    assert heard(space, 60) != pytest.approx(dry, rel=1e-3)
    assert np.isfinite(with_reflections).all()


async def test_the_mode_changes_while_it_sounds_and_readiness_is_told() -> None:
    async with Space(spatial=SpatialMode.BINAURAL) as space:
        await space.spatial_audio_ready()
        assert space.spatial_audio_initialized
        assert space.mixer.spatial == "binaural"
        await space.set_spatial_mode(SpatialMode.OFF)
        assert (space.spatial_mode, space.mixer.spatial) == (SpatialMode.OFF, "off")
        await space.resume_audio()
    assert not space.spatial_audio_initialized


def test_a_participant_is_set_as_an_object_is() -> None:
    room = FakeRoom()
    ada = person(room, "ada", 1, microphone())
    ada.set_position(1, 2, 3)
    ada.set_gain_db(-6)
    ada.set_occlusion(0.5)
    assert ada.get_position() == Vector3D(1, 2, 3)
    publication = ada.tracks["TR_microphone"]
    publication.set_subscribed(True)
    publication._received(FakeReceiver("TR_microphone", "audio"))  # type: ignore[arg-type]
    (source,) = room.places.values()
    assert source is not None
    assert source.position == Vector3D(1, 2, 3)
    assert source.settings.occlusion == 0.5
    with pytest.raises(EngageError, match="position's x"):
        ada.set_position(math.inf, 0, 0)


def test_the_nearest_are_near_the_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    space = make_space()
    room = FakeRoom()
    near = person(room, "near", 1, microphone("TR_near"))
    far = person(room, "far", 2, microphone("TR_far"))
    monkeypatch.setattr(space._manager, "_participants", lambda: [near, far])
    near.set_position(0, 0, -1)
    far.set_position(0, 0, -9)
    space.set_number_of_auto_connections(1)
    assert near.microphones[0].is_desired
    assert space.connected_microphones == (1, 2)
    space.audio_listener.set_position(0, 0, -9)
    space.microphones_changed()
    assert far.microphones[0].is_desired
    assert not near.microphones[0].is_desired
