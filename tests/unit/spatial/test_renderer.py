from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from engage_tui.spatial import hrtf
from engage_tui.spatial.bed import LAYOUTS, fit
from engage_tui.spatial.filters import low_pass_response
from engage_tui.spatial.hrtf import RATE, KemarBank
from engage_tui.spatial.make_kemar import speech_weights
from engage_tui.spatial.renderer import Mode, Renderer, Room
from engage_tui.spatial.reverb import tail
from engage_tui.spatial.scene import Listener, Source, SourceSettings
from engage_tui.spatial.vectors import Vector3D
from engage_tui.spatial.voices import Part

Samples = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

BLOCK = 480


def towards(azimuth: float, metres: float = 1.0) -> Vector3D:
    angle = math.radians(azimuth)
    return Vector3D(metres * math.sin(angle), 0, -metres * math.cos(angle))


def noise(samples: int, seed: int = 0) -> Samples:
    wave = np.random.default_rng(seed).standard_normal(samples) * 0.1
    return wave.astype(np.float32)


def ears(bank: KemarBank, azimuth: float, elevation: float) -> npt.NDArray[np.complex64]:
    """The exact filters of one direction, ``(2, bins)``."""
    found = bank.exact(np.array([azimuth], float), np.array([elevation], float))
    return np.asarray(found[0])


def tone(samples: int, frequency: float = 500.0) -> Samples:
    wave: npt.NDArray[np.float64] = 0.3 * np.sin(2 * np.pi * frequency / RATE * np.arange(samples))
    return wave.astype(np.float32)


def rendered(renderer: Renderer, parts: dict[Part, Samples]) -> Samples:
    """Everything that comes out while the parts' waves go in."""
    out = []
    length = max(len(wave) for wave in parts.values())
    for start in range(0, length, renderer.block):
        for part, wave in parts.items():
            piece = wave[start : start + renderer.block]
            part.block = piece if len(piece) else None
        out.append(renderer.render(list(parts)))
    return np.concatenate(out)


def renderer(mode: Mode = "binaural", block: int = BLOCK, **room: float) -> Renderer:
    around = Room()
    for name, value in room.items():
        setattr(around, name, value)
    return Renderer(mode, Listener(), around, block)


@pytest.mark.parametrize("block", [240, 480, 960])
def test_a_voice_at_rest_is_a_plain_convolution(block: int) -> None:
    wave = np.concatenate([noise(9600), np.zeros(960, np.float32)])
    settings = SourceSettings(occlusion=0.5)
    out = rendered(renderer(block=block), {Part(Source(settings, towards(60)), 0.5): wave})
    response = np.fft.irfft(ears(KemarBank(4096), 60, 0), 4096)
    dull = low_pass_response(0.5) * 10 ** (-3 / 20) * 0.5
    for ear in (0, 1):
        wanted = np.convolve(np.convolve(wave, response[ear, :300]), dull)[: len(out)]
        assert np.abs(out[:, ear] - wanted).max() < 1e-4


def test_a_movement_leaves_no_trace_above_the_tone() -> None:
    frames = 200
    for degrees, limit in ((1, -110), (5, -110), (20, -100)):
        source = Source(position=towards(0))
        part, wave, engine = Part(source), tone(frames * BLOCK), renderer()
        out = []
        for number in range(frames):
            source.position = towards(degrees * number)
            part.block = wave[number * BLOCK : (number + 1) * BLOCK]
            out.append(engine.render([part]))
        ear = np.concatenate(out)[4800:, 0].astype(float)
        power = np.abs(np.fft.rfft(ear * np.blackman(len(ear)))) ** 2
        above = np.fft.rfftfreq(len(ear), 1 / RATE) > 3000
        assert 10 * math.log10(power[above].sum() / power.sum()) < limit, degrees


def test_speech_is_as_loud_from_everywhere() -> None:
    bank = KemarBank(2048)
    weights = speech_weights(np.fft.rfftfreq(2048, 1 / RATE))
    azimuth, elevation = np.meshgrid(np.arange(0, 360, 6.0), [-60, -33, 0, 15, 45, 85.0])
    found = bank.exact(azimuth.ravel(), elevation.ravel())
    levels = 10 * np.log10((weights * np.abs(found) ** 2).sum(axis=(1, 2)))
    assert np.ptp(levels) < 0.5


def test_the_ears_differ_as_they_do_on_the_head() -> None:
    bank = KemarBank(2048)
    left, right = np.fft.irfft(ears(bank, 90, 0), 2048)
    assert np.abs(right).argmax() < np.abs(left).argmax()
    assert 10 * math.log10((right**2).sum() / (left**2).sum()) > 10
    assert ears(bank, -90, 0) == pytest.approx(ears(bank, 90, 0)[::-1], abs=1e-6)
    ahead = ears(bank, 0, 20)
    assert ahead[0] == pytest.approx(ahead[1], abs=1e-6)
    assert ears(bank, 30, -90) == pytest.approx(ears(bank, 30, -40))


def test_filters_are_remembered_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hrtf, "_REMEMBERED", 8)
    bank = KemarBank(960)
    made: list[int] = []
    exact = bank.exact

    def counted(azimuth: Floats, elevation: Floats) -> npt.NDArray[np.complex64]:
        made.append(len(azimuth))
        return exact(azimuth, elevation)

    monkeypatch.setattr(bank, "exact", counted)

    def found(*azimuths: float) -> npt.NDArray[np.complex64]:
        out = np.zeros((len(azimuths), 2, 481), np.complex64)
        bank.filters([(round(2 * azimuth), 0) for azimuth in azimuths], out)
        return out

    first = found(10.0, 50.0)
    assert (found(10.0, 50.0) == first).all()
    assert made == [2]
    many = found(*range(20, 28))  # as many as are kept: what was known goes, one by one
    assert (many == exact(np.arange(20, 28.0), np.zeros(8))).all()
    assert made == [2, 8]
    again = found(27.0, 10.0)
    assert again == pytest.approx(np.stack([many[7], first[0]]))
    assert made == [2, 8, 1]
    found(*range(100, 130))  # more than are kept are made all the same
    assert len(bank._known) == 8


def test_closer_than_the_head_is_wide_nothing_gets_louder() -> None:
    def level(metres: float) -> float:
        out = rendered(renderer(), {Part(Source(position=towards(30, metres))): noise(4800)})
        return float(np.abs(out).max())

    assert level(0.3) == pytest.approx(level(0.01), rel=1e-4)
    assert np.isfinite(level(0.0))


def test_loudspeakers_get_gains_and_off_gets_the_middle() -> None:
    wave = noise(4800)
    right = Source(position=towards(90, 3))
    left, other = rendered(renderer("stereo"), {Part(right): wave}).T
    assert other == pytest.approx(wave, abs=1e-5)
    assert left == pytest.approx(0, abs=1e-5)
    left, other = rendered(renderer("off"), {Part(right, 0.5): wave}).T
    assert left == pytest.approx(wave * 0.5 * math.sqrt(0.5), abs=1e-6)
    assert other == pytest.approx(left)


def test_direct_through_is_past_everything_but_gain() -> None:
    both = np.stack([noise(4800, 1), noise(4800, 2)], axis=1)
    settings = SourceSettings(
        direct_through=True, gain=0.5, direct_gain=0.1, reverb_send=1, occlusion=1
    )
    part = Part(Source(settings, towards(90)))
    assert rendered(renderer(), {part: both}) == pytest.approx(both * 0.5)


def test_the_room_answers_what_is_sent_as_loud_as_the_voice_and_falls_silent() -> None:
    wave = np.concatenate([noise(BLOCK * 50), np.zeros(BLOCK * 90, np.float32)])
    settings = SourceSettings(direct_gain=0.0, reverb_send=1.0)
    out = rendered(renderer(), {Part(Source(settings)): wave})
    during, after = out[BLOCK * 40 : BLOCK * 50], out[-BLOCK:]
    assert float(np.sqrt((during**2).mean())) == pytest.approx(0.1, rel=0.25)
    assert np.abs(after).max() < 1e-6
    short = wave[: BLOCK * 10]
    quiet = rendered(renderer(reverb=0.5), {Part(Source(settings)): short})
    assert quiet == pytest.approx(out[: BLOCK * 10] * 0.5, abs=1e-4)
    assert not rendered(renderer(reverb=0.0), {Part(Source(settings)): short}).any()


def test_the_tail_is_the_convolution_that_it_says() -> None:
    impulse = np.zeros(BLOCK * 90, np.float32)
    impulse[100] = 1.0
    settings = SourceSettings(direct_gain=0.0, reverb_send=1.0)
    out = rendered(renderer(), {Part(Source(settings)): impulse})
    wanted = np.zeros_like(out)
    wanted[100 : 100 + tail().shape[1]] = tail().T
    early = slice(0, RATE // 8)  # later, what lies above a frequency is left out on purpose
    assert np.abs(out[early] - wanted[early]).max() < 1e-4
    whole = float(((out - wanted) ** 2).sum() / (wanted**2).sum())
    assert 10 * math.log10(whole) < -25


def test_the_externalizer_adds_reflections_to_what_has_a_place() -> None:
    wave = np.concatenate([noise(4800), np.zeros(4800, np.float32)])
    plain = rendered(renderer(), {Part(Source(position=towards(30))): wave})
    warm = rendered(
        renderer(externalizer=1.0, character=0.0), {Part(Source(position=towards(30))): wave}
    )
    airy = rendered(
        renderer(externalizer=1.0, character=1.0), {Part(Source(position=towards(30))): wave}
    )

    def brightness(extra: Samples) -> float:
        power = np.abs(np.fft.rfft(extra[960:4800, 0])) ** 2
        return float(power[len(power) // 4 :].sum() / power.sum())

    assert np.abs(warm - plain).max() > 0.01
    assert brightness(airy - plain) > 4 * brightness(warm - plain)
    assert np.abs(airy[-960:]).max() < 1e-6
    through = Part(Source(SourceSettings(direct_through=True)))
    out = rendered(renderer(externalizer=1.0), {through: wave})
    assert out[:, 0] == pytest.approx(wave * math.sqrt(0.5), abs=1e-6)


def test_a_part_may_change_its_renderer_and_its_way() -> None:
    source = Source(position=towards(90))
    part, wave = Part(source), noise(BLOCK)
    part.block = wave
    loudspeakers = renderer("stereo").render([part])
    assert loudspeakers[:, 1] == pytest.approx(wave, abs=1e-5)
    part.block = wave
    engine = renderer()
    engine.render([part])
    source.update(direct_through=True)
    part.block = wave
    assert engine.render([part])[:, 0] == pytest.approx(wave * math.sqrt(0.5), abs=1e-6)
    source.update(direct_through=False)
    part.block = wave
    assert np.isfinite(engine.render([part])).all()


def test_silence_costs_no_transform(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, part = renderer(), Part(Source(SourceSettings(reverb_send=0.5), towards(10)))
    rendered(engine, {part: noise(4800)})
    part.block = None
    for _ in range(100):
        engine.render([part])

    def transform(*_: object, **__: object) -> None:
        raise AssertionError("silence was transformed")

    monkeypatch.setattr(np.fft, "rfft", transform)
    assert not engine.render([part]).any()


def test_beds_keep_their_sides_and_levels() -> None:
    for name, layout in LAYOUTS.items():
        assert layout.feed.shape == (len(layout.speakers), layout.channels)
        assert all(speaker.length == pytest.approx(1) for speaker in layout.speakers), name
    waves = {"front": (1, 0, 0, 1), "left": (1, 1, 0, 0), "up": (1, 0, 1, 0)}
    toward = {"front": Vector3D(0, 0, -1), "left": Vector3D(-1, 0, 0), "up": Vector3D(0, 1, 0)}
    layout = LAYOUTS["ambisonics1"]
    for name, wave in waves.items():
        fed = layout.feed @ np.array(wave, np.float32)
        assert float((fed**2).sum()) == pytest.approx(1, rel=1e-3), name
        sides = [speaker.dot(toward[name]) for speaker in layout.speakers]
        assert float(fed @ np.array(sides)) > 0.5, name
    mono = fit(np.ones((4, 1), np.float32), LAYOUTS["stereo"], "stereo")
    assert mono.shape == (4, 2)
