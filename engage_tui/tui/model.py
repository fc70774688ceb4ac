"""What the screen knows of the call: the last frozen state, and the intents that wait for an answer.

Pure: messages go in, a `Change` says what to draw again. No widget, no clock, no link.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from engage_tui.engine.messages import Intent, Levels, Outcome, State, Statistics
from engage_tui.engine.view import CallView, LobbyView, PersonView, PublicationStats, ToggleView

LOG_LINES = 500
"""Lines that the log keeps; the oldest go first."""

TOGGLES = {
    "set_microphone_enabled": "microphone",
    "set_camera_enabled": "camera",
    "set_screen_share_enabled": "screen",
}
"""The switches of the control bar: intent to the attribute of `CallView`."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the event log.

    Attributes:
        kind: ``log``, ``chat``, ``warning`` or ``error``.
        time: Unix time, seconds.
    """

    kind: str
    text: str
    time: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """An intent on its way.

    Attributes:
        what: What the person wanted, for the sentence that tells of its failure ("Camera on").
        key: The publication row it is about; empty for the bar's switches.
    """

    name: str
    what: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What a message touched."""

    call: bool = False
    lobby: bool = False
    people: bool = False


@dataclass(slots=True)
class Model:
    """The screen's copy of the call."""

    call: CallView = CallView()
    lobby: LobbyView = LobbyView()
    people: dict[str, PersonView] = field(default_factory=dict)
    levels: dict[str, float] = field(default_factory=dict)
    statistics: dict[str, PublicationStats] = field(default_factory=dict)
    log: deque[LogLine] = field(default_factory=lambda: deque(maxlen=LOG_LINES))
    waiting: dict[int, Waiting] = field(default_factory=dict)
    _last_intent: int = 0

    def apply(self, state: State) -> Change:
        """Take over what changed; people stay in the order of their joining, oneself first."""
        if state.call is not None:
            self.call = state.call
        if state.lobby is not None:
            self.lobby = state.lobby
        if state.people or state.gone:
            merged = {**self.people, **state.people}
            for identity in state.gone:
                merged.pop(identity, None)
                self.levels.pop(identity, None)
            self.people = dict(sorted(merged.items(), key=lambda item: _order(item[1])))
        return Change(
            call=state.call is not None,
            lobby=state.lobby is not None,
            people=bool(state.people or state.gone),
        )

    def apply_levels(self, levels: Levels) -> None:
        """Take over the newest loudness of everybody."""
        self.levels = levels.levels

    def apply_statistics(self, statistics: Statistics) -> None:
        """Take over the newest counters; rows that are gone lose theirs."""
        self.statistics = {each.key: each for each in statistics.publications}

    def intent(
        self, name: str, arguments: dict[str, object], *, what: str, key: str = ""
    ) -> Intent:
        """A numbered intent that counts as waiting until `settle`."""
        self._last_intent += 1
        self.waiting[self._last_intent] = Waiting(name, what, key)
        return Intent(self._last_intent, name, arguments)

    def settle(self, outcome: Outcome) -> Waiting | None:
        """Forget the intent that `outcome` answers, and say which it was."""
        return self.waiting.pop(outcome.id, None)

    def is_waiting(self, name: str) -> bool:
        """Whether an intent called `name` has no answer yet."""
        return any(each.name == name for each in self.waiting.values())

    def waiting_rows(self) -> frozenset[str]:
        """Keys of the publication rows with an intent on its way."""
        return frozenset(each.key for each in self.waiting.values() if each.key)

    def toggle(self, intent: str) -> ToggleView:
        """The switch behind `intent`, pending as soon as the key was pressed."""
        view: ToggleView = getattr(self.call, TOGGLES[intent])
        if view.pending or not self.is_waiting(intent):
            return view
        return ToggleView(on=view.on, pending=True, error="", label=view.label)

    @property
    def me(self) -> PersonView | None:
        """Oneself, once in the room."""
        return next((each for each in self.people.values() if each.local), None)

    def name_of(self, identity: str | None) -> str:
        """The shown name behind an identity; the identity itself when unknown."""
        person = self.people.get(identity or "")
        return (person.name if person else "") or identity or ""

    def forget_call(self) -> None:
        """Back to the lobby: drop the call, keep the log."""
        self.call, self.lobby = CallView(), LobbyView()
        self.people, self.levels, self.statistics, self.waiting = {}, {}, {}, {}


def others(people: Iterable[PersonView]) -> list[PersonView]:
    """Everybody but oneself."""
    return [each for each in people if not each.local]


def _order(person: PersonView) -> tuple[bool, float, str]:
    return (not person.local, person.joined_at, person.identity)
