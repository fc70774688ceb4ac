"""The lobby: who, where, with what; nothing is sent before joining."""

from __future__ import annotations

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input, Label, Static

from engage_tui.engine.actions import Scope
from engage_tui.engine.messages import Outcome, Watch
from engage_tui.engine.view import Phase, ToggleView
from engage_tui.sdk.enums import MediaDeviceKind
from engage_tui.tui import keys, words
from engage_tui.tui.model import Change, Waiting
from engage_tui.tui.screens.page import Page
from engage_tui.tui.session import Session
from engage_tui.tui.widgets.device_select import DeviceSelect
from engage_tui.tui.widgets.meter import Meter
from engage_tui.tui.widgets.on_off import OnOff
from engage_tui.tui.widgets.preview import NUMBER, Preview
from engage_tui.tui.widgets.stage import Stage
from engage_tui.tui.widgets.voice_switches import VoiceSwitch, VoiceSwitches

LOOKING = 6.0
"""Seconds after which an empty list of devices is believed."""

_FIELDS = ("name", "room", "url")
_PREVIEW = "preview"


class LobbyScreen(Page):
    """Name, room, server and devices, with a preview of what others will see and hear."""

    BINDINGS = keys.bindings(Scope.LOBBY, Scope.ALWAYS)
    HORIZONTAL_BREAKPOINTS = [(0, "-list"), (60, "-narrow"), (110, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-high")]

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._looked = False  # whether the engine has had time to look for devices

    def compose(self) -> ComposeResult:
        """The form at the left, the preview at the right, the buttons below both."""
        start = self.session.start
        with VerticalScroll(id="lobby", can_focus=False):
            yield Static("Engage TUI", id="title")
            yield Static("", id="lobby-message", classes="error-row")
            with Horizontal(id="lobby-body"):
                with Vertical(id="form"):
                    yield from self._field("name", "Name", start.name or start.identity)
                    yield from self._field("room", "Room", start.room)
                    yield from self._field("url", "Server", start.url)
                    yield Static("", classes="gap")
                    yield from self._devices()
                with Vertical(id="preview"):
                    yield Preview(id="preview-tile")
                    yield Meter(id="meter")
            with Horizontal(id="lobby-buttons"):
                yield Button("Join  ⏎", id="join", compact=True, variant="primary")
                yield Button("Quit", id="quit", compact=True)
            yield Static("Nothing is sent before you join.", id="promise")

    def _field(self, name: str, label: str, value: str) -> ComposeResult:
        with Horizontal(classes="row"):
            yield Label(label, classes="row-label")
            yield Input(value, id=name, compact=True)
        yield Static("", id=f"{name}-error", classes="error-row")

    def _devices(self) -> ComposeResult:
        kinds = MediaDeviceKind
        rows = (
            ("camera", "Camera", kinds.VIDEO_INPUT, "no camera found"),
            ("microphone", "Mic", kinds.AUDIO_INPUT, "no microphone found"),
            ("speaker", "Speaker", kinds.AUDIO_OUTPUT, "no speaker found"),
        )
        for name, label, kind, nothing in rows:
            with Horizontal(classes="row"):
                yield Label(label, classes="row-label")
                yield DeviceSelect(kind, nothing=nothing, id=f"{name}-device")
                if name == "speaker":
                    yield Button("test", id="tone", compact=True)
                else:
                    wanted = getattr(self.session.start, name) != "off"
                    yield OnOff(wanted, id=f"{name}-on")
            if name == "microphone":
                with Horizontal(classes="row"):
                    yield Label("Voice", classes="row-label")
                    yield VoiceSwitches()
            yield Static("", id=f"{name}-error", classes="error-row")

    def on_mount(self) -> None:
        """Say why the last call ended, and begin where something is missing."""
        if len(self.query(Input)) < len(_FIELDS):
            return  # the app ends while this screen is being made
        self.ready = True
        self._tell("lobby-message", self.session.message)
        empty = [name for name in _FIELDS if not self.query_one(f"#{name}", Input).value]
        self.query_one(f"#{empty[0]}" if empty else "#join").focus()
        self.show(Change(lobby=True))
        self.set_timer(LOOKING, self._stop_looking)

    def _stop_looking(self) -> None:
        self._looked = True
        self._show_devices()

    def on_unmount(self) -> None:
        """Nobody looks at the preview any more."""
        self.session.send(Watch(NUMBER, ""))

    @on(Stage.WatchChanged)
    def _on_watch(self, message: Stage.WatchChanged) -> None:
        self.session.send(message.watch)

    # -- what the app tells ------------------------------------------------------------------------------------------

    def show(self, change: Change) -> None:
        """Devices, previews and their errors; while joining, how far it is."""
        if change.lobby:
            self._show_devices()
        if change.call:
            self._show_joining()
            self.query_one(VoiceSwitches).show(self.session.model.call.processing)

    def _show_devices(self) -> None:
        lobby = self.session.model.lobby
        looking = not (self._looked or lobby.devices or lobby.devices_error)
        for name, chosen in (
            ("camera", lobby.camera_id),
            ("microphone", lobby.microphone_id),
            ("speaker", lobby.speaker_id),
        ):
            self.query_one(f"#{name}-device", DeviceSelect).show(
                lobby.devices, chosen, looking=looking
            )
        self._tell("camera-error", self._error(lobby.camera, "camera"))
        self._tell("microphone-error", self._error(lobby.microphone, "microphone"))
        self._tell("speaker-error", lobby.devices_error)
        self.query_one(Meter).active = lobby.microphone.on
        self.query_one(Preview).show_preview(lobby.camera, wanted=self._wanted("camera"))

    def _error(self, view: ToggleView, name: str) -> str:
        return view.error if self._wanted(name) else ""

    def show_levels(self) -> None:
        """The microphone's meter."""
        meter = self.query_one(Meter)
        if meter.active:
            meter.hear(self.session.model.levels.get(_PREVIEW, 0.0))

    def restyle(self) -> None:
        """Draw one's own picture another way."""
        self.query_one(Preview).restyle()

    def show_waiting(self) -> None:
        """While the engine joins, the button says so and a second Enter does nothing."""
        self._show_joining()

    def show_failure(self, waiting: Waiting, outcome: Outcome) -> None:
        """Joining failed: everything stays as typed, with the reason above it."""
        if waiting.name != "join":
            super().show_failure(waiting, outcome)
            return
        self._tell("lobby-message", f"{outcome.error} {outcome.hint}")

    def _show_joining(self) -> None:
        call = self.session.model.call
        joining = self._joining
        button = self.query_one("#join", Button)
        button.disabled = joining
        button.label = "Joining …" if joining else "Join  ⏎"
        promise = "Nothing is sent before you join."
        if joining:
            promise = (
                words.clean(call.detail) or f"Connecting to {words.clean(self._text('url'))} …"
            )
        self.query_one("#promise", Static).update(promise)

    @property
    def _joining(self) -> bool:
        model = self.session.model
        return model.is_waiting("join") or model.call.phase is Phase.CONNECTING

    def _tell(self, row: str, text: str) -> None:
        widget = self.query_one(f"#{row}", Static)
        widget.update(words.clean(text))
        widget.display = bool(text)

    # -- what the person does ----------------------------------------------------------------------------------------

    def _text(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    def _wanted(self, name: str) -> bool:
        return self.query_one(f"#{name}-on", OnOff).value

    @on(Input.Changed)
    def _on_typed(self, event: Input.Changed) -> None:
        """Keep every word: coming back from a call finds them."""
        if event.input.id in _FIELDS and event.value.strip():
            self.session.start = msgspec.structs.replace(
                self.session.start, **{event.input.id: event.value.strip()}
            )
            self._tell(f"{event.input.id}-error", "")

    @on(OnOff.Changed)
    def _on_switched(self) -> None:
        arguments: dict[str, object] = {
            name: self._wanted(name) for name in ("camera", "microphone")
        }
        self.session.ask("preview", arguments, what="Preview")
        self._show_devices()

    @on(VoiceSwitch.Changed)
    def _on_voice(self, event: VoiceSwitch.Changed) -> None:
        self.session.ask("set_processing", {event.name: event.value}, what="Voice")

    @on(DeviceSelect.Chosen)
    def _on_device(self, event: DeviceSelect.Chosen) -> None:
        self.session.ask(
            "choose_device",
            {"kind": event.kind.value, "device_id": event.device_id},
            what="Choosing a device",
        )

    @on(Input.Submitted)
    def _on_submitted(self) -> None:
        self._join()

    @on(Button.Pressed, "#tone")
    def _on_tone(self, event: Button.Pressed) -> None:
        event.stop()
        self.session.ask("play_tone", {}, what="Test tone")

    @on(Button.Pressed, "#join, #quit")
    def _on_button(self, event: Button.Pressed) -> None:
        self.action_perform("leave_anywhere" if event.button.id == "quit" else "join")

    def action_perform(self, action_id: str) -> None:
        """Do what the table's action says, as far as it means something before a call."""
        if action_id == "join":
            self._join()
        elif action_id == "microphone_anywhere":
            self.query_one("#microphone-on", OnOff).action_switch()
        elif action_id == "camera_anywhere":
            self.query_one("#camera-on", OnOff).action_switch()
        elif action_id == "refresh_devices":
            self.session.ask("refresh_devices", {}, what="Looking for devices")
        elif action_id == "leave_anywhere":
            self.run_worker(self.app.run_action("leave(True)"), name="quit")

    def _join(self) -> None:
        if self._joining or not self._complete():
            return
        self._tell("lobby-message", "")
        speaker = self.query_one("#speaker-device", DeviceSelect)
        arguments: dict[str, object] = {name: self._text(name) for name in _FIELDS}
        arguments["microphone"] = self._wanted("microphone")
        arguments["camera"] = self._wanted("camera")
        arguments["speaker"] = self.session.start.speaker if speaker.is_blank() else speaker.value
        self.session.ask("join", arguments, what="Joining")

    def _complete(self) -> bool:
        wanted = {
            "name": "Type the name that others will see.",
            "room": "Type the name of a room; any word will do.",
            "url": "Type the server's address, such as ws://127.0.0.1:7880.",
        }
        missing = [name for name in _FIELDS if not self._text(name)]
        for name in missing:
            self._tell(f"{name}-error", wanted[name])
        if missing:
            self.query_one(f"#{missing[0]}").focus()
        return not missing
