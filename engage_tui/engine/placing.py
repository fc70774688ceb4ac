"""Where people are heard, how loud, and for which ears: the wishes about the space around the person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from engage_tui.engine.seating import seated
from engage_tui.engine.view import HearingView
from engage_tui.errors import UsageError
from engage_tui.sdk.enums import SpatialMode
from engage_tui.spatial.seats import Seating
from engage_tui.spatial.vectors import number

if TYPE_CHECKING:
    from engage_tui.engine.call import Call

Arguments = dict[str, Any]
Word = TypeVar("Word", bound=StrEnum)

LOUDEST = 4.0
"""The most that somebody's voice can be amplified: 12 dB."""


_VOLUMES = (*(step / 10 for step in range(11)), 1.25, 1.5, 2.0, 3.0, LOUDEST)  # steps of a key


class Placing:
    """Serves the intents about places and loudness.

    Args:
        call: The call that they are about.

    Attributes:
        serving: Its intents by name.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self.serving: dict[str, Callable[[Arguments], Awaitable[None]]] = {
            "walk": self._walk,
            "place": self._place,
            "face": self._face,
            "arrange_seats": self._arrange,
            "set_volume": self._set_volume,
            "set_spatial_mode": self._set_spatial_mode,
        }

    async def _walk(self, arguments: Arguments) -> None:
        steps = [arguments.get(name, 0.0) for name in ("ahead", "right", "turn")]
        seated(self._call).walk(*steps)

    async def _place(self, arguments: Arguments) -> None:
        who = str(arguments.get("participant") or "")
        x, y, by = arguments["x"], arguments["y"], bool(arguments.get("by", False))
        if "sound" in arguments:
            self._call.sounds.move(str(arguments["sound"]), x, y, by=by)
        elif who in ("", self._identity):
            seated(self._call).go(x, y)
        else:
            seated(self._call).move(who, x, y, by=by)

    async def _face(self, arguments: Arguments) -> None:
        seated(self._call).face(arguments["degrees"])

    async def _arrange(self, arguments: Arguments) -> None:
        seated(self._call).choose(_word(Seating, arguments["seating"], "A seating"))

    async def _set_volume(self, arguments: Arguments) -> None:
        if "sound" in arguments:
            sound = self._call.sounds.find(str(arguments["sound"]))
            sound.gain = _volume(sound.gain, arguments)
            self._call.touch()
            return
        wanted = str(arguments.get("participant") or "")
        for participant in seated(self._call).others:
            if wanted in (participant.identity, participant.sid):
                participant.set_volume(_volume(participant.volume, arguments))
                self._call.touch()
                return
        raise UsageError(f"{wanted or 'Nobody'} is not in the room.")

    async def _set_spatial_mode(self, arguments: Arguments) -> None:
        call = self._call
        if call.space is None:
            raise UsageError("There is no sound yet.", "Wait a moment.")
        await call.space.set_spatial_mode(_word(SpatialMode, arguments["mode"], "A spatial mode"))
        call.touch()

    @property
    def _identity(self) -> str:
        room = self._call.room
        return room.local_participant.identity if room is not None else ""


def hearing(call: Call) -> HearingView:
    """How the person hears the others, as the screen shows it."""
    space, seats = call.space, call.seats
    if space is None:
        return HearingView(spatial=SpatialMode(call.start.spatial))
    from engage_tui.spatial.distance import DEFAULT_CURVE

    connected, microphones = space.connected_microphones
    return HearingView(
        spatial=space.spatial_mode,
        seating="" if seats is None else seats.seating.value,
        connected=connected,
        microphones=microphones,
        limit=space.number_of_auto_connections,
        reach=DEFAULT_CURVE.max_distance,
        sounds=call.sounds.views(),
    )


def _volume(now: float, arguments: Arguments) -> float:
    if "steps" not in arguments:
        return number(arguments["value"], "A volume", 0, LOUDEST)
    steps = round(number(arguments["steps"], "A number of steps", -100, 100))
    nearest = min(range(len(_VOLUMES)), key=lambda place: abs(_VOLUMES[place] - now))
    return _VOLUMES[min(max(0, nearest + steps), len(_VOLUMES) - 1)]


def _word(kind: type[Word], value: Any, what: str) -> Word:
    try:
        return kind(value)
    except ValueError:
        words = ", ".join(each.value for each in kind)
        raise UsageError(f"{what} cannot be {value!r}.", f"It takes {words}.") from None
