"""The timetable fits the clips that are shipped."""

from __future__ import annotations

import itertools

import pytest

from engage_tui.demo.faces import LOOKS
from engage_tui.demo.screenplay import AT_ONCE, CAST, ROUND, TIMETABLE, Cue, Do, clip_name
from engage_tui.demo.voices import VOICES, load_clip
from engage_tui.media.source import SAMPLE_RATE

SPOKEN = [cue for cue in TIMETABLE if cue.what is Do.SAY]


def seconds(cue: Cue) -> float:
    return len(load_clip(clip_name(cue))) / SAMPLE_RATE


def test_cues_are_in_order_and_inside_the_round() -> None:
    times = [cue.at for cue in TIMETABLE]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] < ROUND
    assert {cue.who for cue in TIMETABLE} == set(CAST) == set(LOOKS)
    assert set(AT_ONCE) <= set(CAST)


def test_nobody_interrupts() -> None:
    for cue, following in itertools.pairwise(SPOKEN):
        assert cue.at + seconds(cue) <= following.at, f"{clip_name(cue)} runs into the next line"
    assert SPOKEN[-1].at + seconds(SPOKEN[-1]) < ROUND


def test_nobody_speaks_outside_the_room() -> None:
    present = set(AT_ONCE)
    for cue in TIMETABLE:
        if cue.what is Do.JOIN:
            present.add(cue.who)
        elif cue.what is Do.LEAVE:
            present.discard(cue.who)
        else:
            assert cue.who in present, cue


@pytest.mark.parametrize("cue", SPOKEN, ids=clip_name)
def test_clip_is_speech(cue: Cue) -> None:
    clip = load_clip(clip_name(cue))
    assert clip.shape[1] == 1
    assert 1.0 < len(clip) / SAMPLE_RATE < 6.0
    assert 6000 < abs(clip.astype(int)).max() < 32767


def test_clips_are_small_and_all_used() -> None:
    shipped = {path.name: path.stat().st_size for path in VOICES.glob("*")}
    assert set(shipped) == {clip_name(cue) for cue in SPOKEN}
    assert sum(shipped.values()) < 300_000
