"""Sounds of one's own: around or at a place, moved, stopped, and refused in words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engage_tui.engine.messages import Left, SoundStart
from engage_tui.engine.placing import Placing, hearing
from engage_tui.engine.sounds import MOST, Sounds
from engage_tui.errors import EngageError, MediaFileError, UsageError
from engage_tui.sdk.space import Space
from tests.unit.engine.hall import Hall
from tests.wave_file import tone


class Player:
    """A call that can play sounds to its person."""

    def __init__(self, space: Space) -> None:
        self.hall = Hall()
        self.left: list[Left] = []
        self.told: list[tuple[str, str]] = []
        call: Any = SimpleNamespace(
            room=self.hall,
            seats=self.hall.seats,
            space=space,
            start=SimpleNamespace(lobby=False),
            touch=lambda: None,
            end=self._end,
            notice=lambda kind, text: self.told.append((kind, text)),
        )
        self.call = call
        self.sounds = call.sounds = Sounds(call)
        self.placing = Placing(call)
        self.hall.seats.arrange()

    def _end(self, left: Left) -> None:
        self.left.append(left)

    async def ask(self, name: str, **arguments: object) -> None:
        serving = {**self.sounds.serving, **self.placing.serving}
        await serving[name](arguments)


@pytest.fixture
async def player() -> AsyncIterator[Player]:
    space = Space()
    yield Player(space)
    await space.close()


async def test_a_bed_is_around_and_a_sound_has_a_place(player: Player, tmp_path: Path) -> None:
    await player.ask("play_sound", path=tone(tmp_path / "sea.wav", 2))
    await player.ask("play_sound", path=tone(tmp_path / "bird.wav"), x=1.0, y=2.0, z=3.0)
    await player.ask("play_sound", path=tone(tmp_path / "cat.wav"), room=True)
    sea, bird, cat = hearing(player.call).sounds
    assert (sea.label, sea.place) == ("sea.wav", None)
    assert bird.place is not None
    assert (bird.place.x, bird.place.y) == (1, 2)
    assert cat.place is not None
    assert (cat.place.x, cat.place.y) == (0, 1.5), "ahead of where one looks"
    placed = player.sounds.find(bird.key).placed
    assert placed is not None
    assert placed.get_position().y == 3
    await player.ask("place", sound=bird.key, x=-0.5, y=0.25, by=True)
    await player.ask("set_volume", sound=sea.key, steps=-5)
    sea, bird, cat = hearing(player.call).sounds
    assert bird.place is not None
    assert (bird.place.x, bird.place.y, sea.volume) == (0.5, 2.25, 0.5)
    assert placed.get_position().y == 3
    for each in (sea, bird, cat):
        await player.ask("stop_sound", sound=each.key)
    assert hearing(player.call).sounds == ()
    assert player.call.space.audio_objects == []


async def test_a_sound_stays_in_the_room_when_one_walks(player: Player, tmp_path: Path) -> None:
    await player.ask("play_sound", path=tone(tmp_path / "bird.wav"), x=0, y=2)
    before = player.sounds.views()
    await player.ask("walk", ahead=1, turn=90)
    assert player.sounds.views() == before


async def test_a_sound_keeps_its_place_as_seen_from_ones_seat(
    player: Player, tmp_path: Path
) -> None:
    await player.ask("play_sound", path=tone(tmp_path / "bird.wav"), x=0, y=2)
    placed = player.sounds.find("♪1").placed
    assert placed is not None
    before = placed.get_position()
    player.hall.come("ada", 1)  # the table grows, and with it one's seat moves
    player.sounds.look()
    assert placed.get_position() != before
    assert player.hall.azimuth(placed) == pytest.approx(0)


async def test_what_comes_to_its_end_is_let_go(player: Player, tmp_path: Path) -> None:
    await player.ask("play_sound", path=tone(tmp_path / "once.wav"), loop=False)
    await player.ask("play_sound", path=tone(tmp_path / "ever.wav"), loop=True)
    for sound in (player.sounds.find("♪1"), player.sounds.find("♪2")):
        for _ in range(3):
            sound.file.pull(4800)
    player.sounds.look()
    assert [each.label for each in player.sounds.views()] == ["ever.wav"]


@pytest.mark.parametrize(
    ("channels", "more", "message"),
    [
        (3, {}, "a bed takes 1, 2, 4"),
        (4, {"room": True}, "a sound with a place takes 1 or 2"),
        (1, {"x": float("nan"), "y": 0}, "distance"),
        (1, {"x": 1e9, "y": 0}, "distance"),
    ],
)
async def test_what_does_not_fit_is_refused_and_nothing_is_left(
    player: Player, tmp_path: Path, channels: int, more: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError) as raised:
        await player.ask("play_sound", path=tone(tmp_path / "odd.wav", channels), **more)
    assert message in str(raised.value)
    assert player.sounds.views() == ()
    assert player.call.space.audio_objects == []


@pytest.mark.parametrize("channels", [1, 2, 4, 6])
async def test_a_bed_takes_its_formats(player: Player, tmp_path: Path, channels: int) -> None:
    await player.ask("play_sound", path=tone(tmp_path / "bed.wav", channels))
    assert len(player.sounds.views()) == 1


async def test_other_nonsense_is_refused_in_words(player: Player, tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no wave")
    asked: list[tuple[type[EngageError], str, dict[str, object]]] = [
        (MediaFileError, "play_sound", {"path": str(tmp_path / "absent.wav")}),
        (MediaFileError, "play_sound", {"path": str(broken)}),
        (MediaFileError, "play_sound", {"path": str(tmp_path)}),
        (UsageError, "play_sound", {"path": "  "}),
        (UsageError, "stop_sound", {"sound": "♪9"}),
        (UsageError, "place", {"sound": "♪9", "x": 0, "y": 0}),
    ]
    for error, name, arguments in asked:
        with pytest.raises(error):
            await player.ask(name, **arguments)
    path = tone(tmp_path / "bed.wav")
    for _ in range(MOST):
        await player.ask("play_sound", path=path)
    with pytest.raises(UsageError, match="8 sounds already"):
        await player.ask("play_sound", path=path)
    with pytest.raises(UsageError, match="no place"):
        await player.ask("place", sound="♪1", x=0, y=0)
    player.call.room = None
    with pytest.raises(UsageError, match="no room yet"):
        await player.ask("play_sound", path=path)


async def test_what_was_named_at_the_start_plays_or_ends_the_call(
    player: Player, tmp_path: Path
) -> None:
    good, absent = tone(tmp_path / "good.wav"), str(tmp_path / "absent.wav")
    await player.sounds.begin((SoundStart(good), SoundStart(good, (1, 1, 0))))
    assert [each.place is None for each in player.sounds.views()] == [True, False]
    player.call.start.lobby = True
    await player.sounds.begin((SoundStart(absent),))
    ((kind, text),) = player.told
    assert kind == "error"
    assert "absent.wav" in text
    assert player.left == []
    player.call.start.lobby = False
    await player.sounds.begin((SoundStart(absent),))
    assert player.left[0].exit_code == MediaFileError.default_exit_code
