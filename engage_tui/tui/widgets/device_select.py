"""A device chooser in one line; it leaves Enter alone, which joins."""

from __future__ import annotations

from collections.abc import Sequence

from textual.binding import Binding
from textual.message import Message
from textual.widgets import Select

from engage_tui.engine.view import DeviceView
from engage_tui.sdk.enums import MediaDeviceKind
from engage_tui.tui import words


class DeviceSelect(Select[str], inherit_bindings=False):
    """Choose among the devices of one kind; opens on Space, ↓, ↑ or a click."""

    BINDINGS = [Binding("down,space,up", "show_overlay", "Open", show=False)]

    class Chosen(Message):
        """The person chose another device."""

        def __init__(self, kind: MediaDeviceKind, device_id: str) -> None:
            super().__init__()
            self.kind = kind
            self.device_id = device_id

    def __init__(self, kind: MediaDeviceKind, *, nothing: str, id: str | None = None) -> None:  # noqa: A002
        """Show `nothing` while there is no device of this kind."""
        super().__init__([], prompt=nothing, compact=True, id=id)
        self.kind = kind
        self._nothing = nothing
        self._devices: tuple[DeviceView, ...] = ()

    def show(self, devices: Sequence[DeviceView], chosen: str, *, looking: bool = False) -> None:
        """Show the devices of this kind among `devices`, and which is chosen; `looking`: there may be more."""
        self.prompt = "looking …" if looking else self._nothing
        mine = tuple(each for each in devices if each.kind == self.kind)
        if chosen not in ("", "default", *(each.device_id for each in mine)):
            # Named on the command line and in no list: a name, a file, or "off".
            mine = (*mine, DeviceView(self.kind, chosen, chosen))
        with self.prevent(Select.Changed):
            if mine != self._devices:
                self._devices = mine
                # Textual has no public way to say "blank only while there is nothing to choose".
                self._allow_blank = not mine
                self.set_options([(words.clean(each.label), each.device_id) for each in mine])
            if chosen in {each.device_id for each in mine}:
                self.value = chosen
            elif mine and self.is_blank():
                self.value = next((d.device_id for d in mine if d.default), mine[0].device_id)

    def on_select_changed(self, event: Select.Changed) -> None:
        """Say in the app's own words what was chosen."""
        event.stop()
        if not self.is_blank():
            self.post_message(self.Chosen(self.kind, str(event.value)))
