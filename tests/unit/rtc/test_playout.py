"""The audio buffer: delay, losses, pauses, bursts; on a clock of the test's own."""

from __future__ import annotations

import random
from collections.abc import Iterable

import numpy as np
import pytest

from engage_tui.rtc.opus import (
    FRAME,
    LibopusDecoder,
    Mono,
    OpusEncoder,
    PyavDecoder,
    create_decoder,
    library,
)
from engage_tui.rtc.playout import MAX_PACKETS, Playout
from tests.lossy import Weather
from tests.voice_link import listen


class Counting:
    """A decoder whose sound tells which packet it is: packet n becomes 960 samples of n + 1."""

    def decode(self, payload: bytes) -> Mono:
        number = int.from_bytes(payload, "big")
        return np.full(FRAME if payload != b"broken" else 0, number + 1, np.float32)

    def conceal(self, samples: int) -> Mono:
        return np.full(samples, -1, np.float32)


def run(
    arrivals: Iterable[tuple[float, int]],
    seconds: float,
    *,
    timestamps: dict[int, int] | None = None,
) -> tuple[Playout, Mono]:
    """Play packets that arrive at ``(seconds, number)``; returns all that was pulled, 10 ms at a time."""
    playout, waiting, out = Playout(Counting()), sorted(arrivals), []
    for step in range(round(seconds * 100)):
        now = step / 100
        while waiting and waiting[0][0] <= now:
            at, number = waiting.pop(0)
            when = (timestamps or {}).get(number, number * FRAME) + 0xFFFFF000
            playout.add(number + 0x10000, when & 0xFFFFFFFF, number.to_bytes(4, "big"), at)
        out.append(playout.pull(480, now))
    return playout, np.concatenate(out)


def heard(sound: Mono) -> list[int]:
    """The packets in the order in which they are heard."""
    whole = sound[(sound > 0) & (sound == np.round(sound))]  # the rest are joints
    steps = np.flatnonzero(np.diff(whole, prepend=0))
    return [int(whole[at]) - 1 for at in steps]


def steady(count: int, start: float = 0.0, first: int = 0) -> list[tuple[float, int]]:
    return [(start + 0.02 * n, first + n) for n in range(count)]


def test_sound_begins_after_the_least_delay_and_is_whole() -> None:
    playout, sound = run(steady(50), 1.0)
    assert np.flatnonzero(sound)[0] / 48_000 == pytest.approx(0.015, abs=0.001)
    assert heard(sound) == list(range(50))[: len(heard(sound))]
    assert len(heard(sound)) >= 49
    assert (playout.concealed, playout.cut) == (0, 0)


def test_reordered_packets_are_heard_in_order() -> None:
    arrivals = steady(50)
    for at in range(1, 45, 4):
        arrivals[at] = (arrivals[at][0] + 0.045, arrivals[at][1])
    _, sound = run(arrivals, 1.0)
    assert heard(sound) == sorted(set(heard(sound)))
    assert (sound[24_000:40_000] > 0).all()  # once the delay has been learned, nothing is missing


def test_a_lost_packet_is_concealed_in_its_own_time() -> None:
    whole, _ = run(steady(50), 1.0)
    playout, sound = run([each for each in steady(50) if each[1] != 20], 1.0)
    assert playout.concealed == FRAME
    assert 20 not in heard(sound)
    at = int(np.flatnonzero(sound == 22)[0])
    assert (sound[at - FRAME : at] == -1).all()
    assert playout.level == whole.level  # the delay is what it was


def test_a_pause_is_silence_and_speech_comes_back_with_the_target_delay() -> None:
    again = steady(30, start=1.0, first=20)
    times = {number: number * FRAME + 28_800 for _, number in again}
    _, sound = run(steady(20) + again, 1.6, timestamps=times)
    assert not sound[int(0.7 * 48_000) : 48_000].any()
    begin = np.flatnonzero(sound == 21)[0] / 48_000 - 1.0
    assert begin == pytest.approx(0.015, abs=0.011)


def test_the_delay_returns_to_the_target_after_a_burst() -> None:
    # Nothing for 0.3 s, then all of it at once: what came too late is behind, and must be caught up.
    arrivals = [(at if not 1.0 <= at < 1.3 else 1.3, number) for at, number in steady(400)]
    playout, sound = run(arrivals, 7.9)
    assert playout.level <= 0.1 * 48_000
    assert playout.cut > 0
    assert heard(sound)[-1] >= 390  # of 394 that came


def test_a_backlog_from_before_anybody_listened_is_skipped() -> None:
    playout = Playout(Counting())
    for number in range(200):
        playout.add(number, number * FRAME, number.to_bytes(4, "big"), number * 0.02)
        assert len(playout._packets) <= MAX_PACKETS
    sound = np.concatenate([playout.pull(480, 4.0 + step / 100) for step in range(3)])
    assert heard(sound)[0] >= 180


def test_late_packets_and_duplicates_are_not_heard_again() -> None:
    late = [(at + 0.3, number) for at, number in steady(10)]
    _, sound = run(steady(50) + late, 1.2)
    assert heard(sound) == sorted(set(heard(sound)))


def test_random_arrivals_never_raise_nor_grow() -> None:
    rng = random.Random(3)
    playout = Playout(create_decoder())
    number = 0
    for step in range(2000):
        for _ in range(rng.choice((0, 0, 1, 1, 5))):
            number += rng.choice((-3, 1, 1, 1, 1, 2, 40))
            stamp = rng.choice((number * FRAME, rng.getrandbits(32))) & 0xFFFFFFFF
            playout.add(number, stamp, rng.randbytes(rng.randrange(1, 30)), step / 100)
        block = playout.pull(480, step / 100)
        assert block.shape == (480,)
        assert len(playout._packets) <= MAX_PACKETS
        assert len(playout._ready) <= 5760 * 3


def coded(peak: float) -> tuple[list[bytes], float]:
    encoder, packets = OpusEncoder(), []
    t = np.arange(48_000) / 48_000
    mono = (np.sin(2 * np.pi * 440 * t) * peak * 32767).astype(np.int16)
    for at in range(0, 48_000, FRAME):
        packets += encoder.encode(np.repeat(mono[at : at + FRAME].reshape(-1, 1), 2, axis=1))
    return packets, peak / np.sqrt(2)


@pytest.mark.parametrize("kind", [LibopusDecoder, PyavDecoder])
def test_opus_keeps_the_level(kind: type[LibopusDecoder] | type[PyavDecoder]) -> None:
    opus = library()
    assert opus is not None, "PyAV's wheels carry libopus"
    decoder = LibopusDecoder(opus) if kind is LibopusDecoder else PyavDecoder()
    packets, wanted = coded(0.5)
    assert len(packets) == 50
    sound = np.concatenate([decoder.decode(packet) for packet in packets])[9600:]
    assert np.sqrt(np.mean(sound**2)) == pytest.approx(wanted, rel=0.05)
    assert len(decoder.decode(b"\xff" * 3)) in (0, FRAME)


def test_a_tone_goes_on_through_a_loss_and_fades() -> None:
    decoder = create_decoder()
    packets, wanted = coded(0.5)
    for packet in packets:
        decoder.decode(packet)
    assert np.sqrt(np.mean(decoder.conceal(480) ** 2)) > wanted / 2
    for _ in range(20):
        last = decoder.conceal(480)
    assert np.sqrt(np.mean(last**2)) < wanted / 5


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("weather", "latency", "concealed"),
    [
        (Weather(), 0.020, 0.0),
        (Weather(jitter=0.02), 0.050, 0.002),
        (Weather(loss=0.05), 0.040, 0.007),
        (Weather(loss=0.10), 0.040, 0.015),
        (Weather(burst=0.06), 0.045, 0.05),
        (Weather(loss=0.02, jitter=0.02), 0.060, 0.004),
    ],
)
def test_a_redundant_voice_is_whole_and_soon(
    weather: Weather, latency: float, concealed: float, seed: int
) -> None:
    heard_now, _ = listen(weather, red=True, seconds=15, seed=seed)
    assert heard_now.silent == 0
    assert heard_now.latency <= latency
    assert heard_now.concealed <= concealed


def test_without_redundancy_each_loss_is_concealed_and_costs_no_delay() -> None:
    heard_now, _ = listen(Weather(loss=0.05), red=False, seconds=15)
    assert heard_now.silent == 0
    assert 0.03 < heard_now.concealed < 0.07
    assert heard_now.latency <= 0.02


def test_after_an_outage_the_delay_is_back_within_seconds() -> None:
    heard_now, _ = listen(Weather(outages=((5.0, 7.0),)), red=True, seconds=15)
    assert np.nanmax(heard_now.blocks[1200:]) <= 0.03
    assert heard_now.latency_end <= 0.03


@pytest.mark.parametrize(("block", "latency"), [(480, 0.0151), (240, 0.0101)])
def test_a_mixer_of_small_blocks_waits_less(block: int, latency: float) -> None:
    heard_now, _ = listen(Weather(), red=False, seconds=5, block=block)
    assert heard_now.silent == heard_now.concealed == 0
    assert heard_now.latency_95 <= latency


@pytest.mark.parametrize("drift", [-500e-6, 500e-6])
def test_a_clock_that_drifts_is_followed(drift: float) -> None:
    heard_now, playout = listen(Weather(), red=False, seconds=60, drift=drift)
    assert abs(heard_now.latency_end - heard_now.latency) < 0.015
    assert heard_now.concealed < 0.0005
    assert playout.cut + playout.repeated + playout.concealed == pytest.approx(
        60 * 48_000 * 500e-6, rel=0.6
    )


def test_drift_is_corrected_in_pauses_without_touching_the_sound() -> None:
    class Faint(Counting):
        def decode(self, payload: bytes) -> Mono:
            return super().decode(payload) * np.float32(1e-6)

    _, playout = listen(Weather(), red=False, seconds=20, drift=500e-6, decoder=Faint())
    # Corrections of 2.5 ms at most, so no period of 5 ms or more was cut.
    assert 0 < playout.cut + playout.repeated < 0.02 * 48_000


def test_dtx_is_silence_and_conceals_nothing() -> None:
    class Dtx(Counting):
        def decode(self, payload: bytes) -> Mono:
            return np.full(FRAME, int(payload[:1] != b"\0") + 1e-9, np.float32)

    playout, out = Playout(Dtx()), []
    number = 0
    for step in range(400):
        now = step / 100
        talking = step < 100 or step >= 300
        if step % 2 == 0 and (talking or step % 40 == 0):
            payload = b"\1talk" if talking else b"\0"
            playout.add(number, step * 480, payload, now)
            number += 1
        out.append(playout.pull(480, now))
    sound = np.concatenate(out)
    assert playout.concealed <= 5760  # after the last word, before the first packet that says so
    assert not (sound[int(1.5 * 48_000) : int(2.9 * 48_000)] > 0.5).any()
    assert (sound[int(3.03 * 48_000) : int(3.9 * 48_000)] > 0.5).all()
