"""Where a space is heard, while it starts: without a speaker voices flow all the same, and one is told."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from engage_tui import Space
from engage_tui.errors import DeviceError
from engage_tui.media.speaker import AudioOutput, open_output
from tests.unit.sdk.test_mixer import DeadOutput
from tests.waiting import until


@pytest.fixture(autouse=True)
def no_speaker(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(device: str | None, *, low_latency: bool = False) -> AudioOutput:
        return DeadOutput() if device else open_output(device, low_latency=low_latency)

    monkeypatch.setattr("engage_tui.sdk.space.open_output", look)


async def voices_flow(space: Space) -> bool:
    pulled: list[int] = []

    def pull(samples: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        pulled.append(samples)
        return np.ones(samples, np.float32)

    space.mixer.add_voice("somebody", pull)
    await until(lambda: len(pulled) > 3)
    return space.spatial_audio_initialized


async def test_the_speaker_is_looked_for_before_anything_runs() -> None:
    space = Space()
    try:
        with pytest.raises(DeviceError):
            await space.set_output("default")
        assert await voices_flow(space)
    finally:
        await space.close()


async def test_the_speaker_is_looked_for_while_mixing_starts() -> None:
    space = Space()
    try:
        begun = asyncio.gather(space._start(), space.set_output("default"), return_exceptions=True)
        started, looked = await begun
        assert started is None
        assert isinstance(looked, DeviceError), "it must not be taken for one that plays"
        assert await voices_flow(space)
    finally:
        await space.close()


async def test_a_space_that_shall_be_heard_does_not_begin_without_a_speaker() -> None:
    with pytest.raises(DeviceError):
        async with Space(output="default"):
            pass  # nothing of it stays: the watch over tasks and threads sees to that
