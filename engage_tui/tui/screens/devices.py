"""The devices in the call: choose and switch them, hear a tone, and what is done to voices."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Label, Static

from engage_tui.engine.view import ToggleView
from engage_tui.sdk.enums import MediaDeviceKind
from engage_tui.tui import words
from engage_tui.tui.model import TOGGLES
from engage_tui.tui.session import Session
from engage_tui.tui.widgets.device_select import DeviceSelect
from engage_tui.tui.widgets.meter import Meter
from engage_tui.tui.widgets.on_off import OnOff
from engage_tui.tui.widgets.voice_switches import VoiceSwitch, VoiceSwitches

LOOK_AGAIN = 4.0
"""Seconds after which devices are looked for again while the panel is open: they come and go."""

_KINDS = MediaDeviceKind
_ROWS = (
    ("camera", "Camera", _KINDS.VIDEO_INPUT, "no camera found", "set_camera_enabled"),
    ("microphone", "Mic", _KINDS.AUDIO_INPUT, "no microphone found", "set_microphone_enabled"),
    ("speaker", "Speaker", _KINDS.AUDIO_OUTPUT, "no speaker found", ""),
)
_PUSH_TO_TALK = {
    "hold": "Space: you are heard while you hold it",
    "press": "Space: you are heard until you press it again",
}


class DevicesScreen(ModalScreen[None]):
    """A panel over the call; Esc or e closes it, the call goes on behind it.

    Attributes:
        ready: Whether its widgets stand.
    """

    ready = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,e", "dismiss", "Close", show=False),
        Binding("f5", "look", "Look again", show=False),
    ]

    def __init__(self, session: Session, talk: str) -> None:
        """Show the session's call; `talk` is how the key for push to talk works."""
        super().__init__()
        self._session = session
        self.talk = talk

    def compose(self) -> ComposeResult:
        """A row for each device, the microphone's chain, and for which ears the mix is."""
        with VerticalScroll(id="devices", can_focus=False) as panel:
            panel.border_title = "Devices"
            panel.border_subtitle = "Tab next  Space choose  F5 look again  Esc close"
            for name, label, kind, nothing, intent in _ROWS:
                with Horizontal(classes="row part"):
                    yield Label(label, classes="row-label")
                    yield DeviceSelect(kind, nothing=nothing, id=f"{name}-device")
                    if intent:
                        yield OnOff(False, id=f"{name}-on")
                    else:
                        yield Button("test", id="tone", compact=True)
                yield Static("", id=f"{name}-error", classes="error-row", markup=False)
                if name == "microphone":
                    yield from self._voice()
            with Horizontal(classes="row part"):
                yield Label("Ears", classes="row-label")
                yield VoiceSwitch("spatial")
                yield Static("", id="ears", classes="row-text")

    def _voice(self) -> ComposeResult:
        with Horizontal(classes="row"):
            yield Label("", classes="row-label")
            yield Meter(id="voice-meter")
        with Horizontal(classes="row"):
            yield Label("Voice", classes="row-label")
            yield VoiceSwitches()
        yield Static("", id="voice-error", classes="error-row", markup=False)
        yield Static("Files and the test tone are sent untouched.", id="voice-note")
        with Horizontal(classes="row"):
            yield Label("Talk", classes="row-label")
            yield VoiceSwitch("push")
            yield Static("", id="talk", classes="row-text")

    def on_mount(self) -> None:
        """Look for devices now, and again while the panel is open."""
        if not self.query("#ears"):
            return  # the app ends while this panel is being made
        self.ready = True
        self.query_one("#microphone-device").focus()
        self.action_look()
        self.show()
        self.set_interval(LOOK_AGAIN, self.action_look)

    def action_look(self) -> None:
        """Look for devices again, unless the last look is not through."""
        if not self._session.model.is_waiting("refresh_devices"):
            self._session.ask("refresh_devices", {}, what="Looking for devices")

    # -- what is told ------------------------------------------------------------------------------------------------

    def show(self) -> None:
        """Show the call as it is now."""
        call = self._session.model.call
        known = call.equipment
        looking = not known.devices and self._session.model.is_waiting("refresh_devices")
        for name, _, _, _, intent in _ROWS:
            chosen = getattr(known, f"{name}_id")
            self.query_one(f"#{name}-device", DeviceSelect).show(
                known.devices, "" if chosen == "off" else chosen, looking=looking
            )
            if intent:
                view = self._session.model.toggle(intent)
                with self.prevent(OnOff.Changed):
                    self.query_one(f"#{name}-on", OnOff).value = view.on
                self._tell(f"{name}-error", view.error)
        failed = call.speaker if call.speaker.startswith("no sound") else ""
        self._tell("speaker-error", known.error or failed)
        processing = call.processing
        self.query_one(VoiceSwitches).show(processing)
        self._tell("voice-error", processing.problem)
        self.query_one("#voice-note").display = not processing.applies
        self.query_one("#voice-push", VoiceSwitch).value = self.talk
        self.query_one("#talk", Static).update(_PUSH_TO_TALK[self.talk])
        ears = self.query_one("#voice-spatial", VoiceSwitch)
        ears.value = call.hearing.spatial.value
        self.query_one("#ears", Static).update(words.EARS[call.hearing.spatial])
        self.query_one(Meter).active = self._microphone.on

    def show_levels(self) -> None:
        """The microphone's meter."""
        meter, me = self.query_one(Meter), self._session.model.me
        if meter.active and me is not None:
            meter.hear(self._session.model.levels.get(me.identity, 0.0))

    @property
    def _microphone(self) -> ToggleView:
        return self._session.model.call.microphone

    def _tell(self, row: str, text: str) -> None:
        widget = self.query_one(f"#{row}", Static)
        widget.update(words.clean(text))
        widget.display = bool(text)

    # -- what the person does ----------------------------------------------------------------------------------------

    @on(DeviceSelect.Chosen)
    def _on_device(self, event: DeviceSelect.Chosen) -> None:
        self._session.ask(
            "choose_device",
            {"kind": event.kind.value, "device_id": event.device_id},
            what="Choosing a device",
        )

    @on(OnOff.Changed)
    def _on_switched(self, event: OnOff.Changed) -> None:
        name = str(event.switch.id).removesuffix("-on")
        intent = f"set_{name}_enabled"
        if intent in TOGGLES and not self._session.model.is_waiting(intent):
            # Not the switch's own value: what the engine told meanwhile may have been shown by it already.
            wanted = not self._session.model.toggle(intent).on
            word = "on" if wanted else "off"
            self._session.ask(intent, {"value": wanted}, what=f"{name.capitalize()} {word}")

    @on(VoiceSwitch.Changed)
    def _on_voice(self, event: VoiceSwitch.Changed) -> None:
        if event.name == "spatial":
            self._session.ask("set_spatial_mode", {"mode": event.value}, what="For which ears")
        elif event.name == "push":
            self.talk = str(event.value)
            self.show()
        else:
            self._session.ask("set_processing", {event.name: event.value}, what="Voice")

    @on(Button.Pressed, "#tone")
    def _on_tone(self, event: Button.Pressed) -> None:
        event.stop()
        self._session.ask("play_tone", {}, what="Test tone")
