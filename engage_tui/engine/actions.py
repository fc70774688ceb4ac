"""THE table of actions: keys, buttons, palette and help are views of it.

An action either sends an intent to the engine (`intent`) or is the front end's own business (`intent` empty).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """Where an action's keys work."""

    ALWAYS = "always"
    """Also while a text field has the focus."""
    CALL = "call"
    """In a call, unless a text field has the focus."""
    MAP = "map"
    """On the map, while it has the focus."""
    ROW = "row"
    """On the selected row of the people panel."""
    LOBBY = "lobby"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a person can do.

    Attributes:
        id: Its name in code, settings and the palette.
        keys: Textual key names; the first one is shown.
        label: Two words at most, for the control bar.
        help: One sentence, for the help panel.
        intent: The intent it sends; empty for the screen's own business.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    scope: Scope
    intent: str = ""

    @property
    def key(self) -> str:
        """The key that is shown."""
        return self.keys[0] if self.keys else ""


ACTIONS: tuple[Action, ...] = (
    Action(
        "toggle_microphone",
        ("m",),
        "mic",
        "Mute or unmute your microphone.",
        Scope.CALL,
        "set_microphone_enabled",
    ),
    Action(
        "toggle_camera",
        ("v",),
        "camera",
        "Switch your camera on or off.",
        Scope.CALL,
        "set_camera_enabled",
    ),
    Action(
        "toggle_screen",
        ("d",),
        "share",
        "Share your screen, or stop.",
        Scope.CALL,
        "set_screen_share_enabled",
    ),
    Action(
        "talk",
        ("space",),
        "talk",
        "Push to talk: unmuted while you hold the key.",
        Scope.CALL,
        "talk",
    ),
    Action(
        "toggle_row",
        ("s", "enter"),
        "subscribe",
        "Subscribe or unsubscribe the selected row; mute an own one.",
        Scope.ROW,
        "set_subscribed",
    ),
    Action(
        "unpublish_row",
        ("u",),
        "unpublish",
        "Unpublish the selected row, if it is yours.",
        Scope.ROW,
        "unpublish_track",
    ),
    Action(
        "cycle_connection",
        ("n",),
        "hear",
        "Hear this person: auto, always or never.",
        Scope.ROW,
        "set_audio_connection_mode",
    ),
    Action(
        "louder",
        ("plus", "equals_sign"),
        "louder",
        "Hear this person louder.",
        Scope.ROW,
        "set_volume",
    ),
    Action(
        "quieter", ("minus",), "quieter", "Hear this person less loud.", Scope.ROW, "set_volume"
    ),
    Action("row_down", ("j", "down"), "down", "Select the next row.", Scope.CALL),
    Action("row_up", ("k", "up"), "up", "Select the row above.", Scope.CALL),
    Action("toggle_log", ("l",), "log", "Show or hide the event log.", Scope.CALL),
    Action("toggle_map", ("o",), "map", "Show or hide the map of who is where.", Scope.CALL),
    Action(
        "devices",
        ("e",),
        "devices",
        "Choose devices, and what is done to voices.",
        Scope.CALL,
        "choose_device",
    ),
    Action(
        "sounds",
        ("b",),
        "sounds",
        "Play a file to yourself, as a bed or in the room.",
        Scope.CALL,
        "play_sound",
    ),
    Action(
        "cycle_seats",
        ("h",),
        "seats",
        "Seat everybody in a circle, at a table, in a row.",
        Scope.CALL,
        "arrange_seats",
    ),
    Action(
        "copy_invite", ("y",), "copy invite", "Copy the command with which others join.", Scope.CALL
    ),
    Action(
        "cycle_picture",
        ("a",),
        "picture",
        "Draw pictures another way, of those that work here.",
        Scope.CALL,
    ),
    Action(
        "show_alone",
        ("f",),
        "whole screen",
        "Show one person on the whole screen, or everybody again.",
        Scope.CALL,
    ),
    Action(
        "toggle_fill",
        ("z",),
        "fit or fill",
        "Fit pictures into their tiles, or fill these and cut.",
        Scope.CALL,
    ),
    Action(
        "toggle_mirror",
        ("x",),
        "mirror",
        "See yourself as in a mirror, or as the others do.",
        Scope.CALL,
    ),
    Action(
        "snapshot",
        ("i",),
        "snapshot",
        "Save the selected picture, as PNG and as text.",
        Scope.CALL,
    ),
    Action("help", ("question_mark", "f1"), "keys", "Show every key.", Scope.CALL),
    Action("leave", ("q",), "leave", "Leave the call.", Scope.CALL, "leave"),
    Action("map_next", ("tab",), "next", "Select the next one.", Scope.MAP),
    Action("map_previous", ("shift+tab",), "previous", "Select the one before.", Scope.MAP),
    Action("map_up", ("up",), "ahead", "Walk ahead; move the selected one up.", Scope.MAP, "walk"),
    Action(
        "map_down", ("down",), "back", "Walk back; move the selected one down.", Scope.MAP, "walk"
    ),
    Action(
        "map_left", ("left",), "left", "Turn left; move the selected one left.", Scope.MAP, "walk"
    ),
    Action(
        "map_right",
        ("right",),
        "right",
        "Turn right; move the selected one right.",
        Scope.MAP,
        "walk",
    ),
    Action("map_aside_left", ("shift+left",), "aside", "Step to the left.", Scope.MAP, "walk"),
    Action("map_aside_right", ("shift+right",), "aside", "Step to the right.", Scope.MAP, "walk"),
    Action("map_remove", ("delete",), "stop", "Stop the selected sound.", Scope.MAP, "stop_sound"),
    Action("close_panel", ("escape",), "close", "Close the open panel.", Scope.ALWAYS),
    Action(
        "microphone_anywhere",
        ("f2",),
        "mic",
        "Mute or unmute, also while typing.",
        Scope.ALWAYS,
        "set_microphone_enabled",
    ),
    Action(
        "camera_anywhere",
        ("f3",),
        "camera",
        "Camera on or off, also while typing.",
        Scope.ALWAYS,
        "set_camera_enabled",
    ),
    Action("join", ("enter",), "join", "Join the room.", Scope.LOBBY, "join"),
    Action(
        "refresh_devices",
        ("f5",),
        "look again",
        "Look for devices again.",
        Scope.LOBBY,
        "refresh_devices",
    ),
    Action("leave_anywhere", ("f10",), "leave", "Leave, also while typing.", Scope.ALWAYS, "leave"),
)
"""Every action, in the order in which help shows them."""

INTENTS: dict[str, str] = {
    "join": "Join with the previewed tracks: name, room, url, microphone (bool), camera (bool), speaker.",
    "leave": "Leave the room; the engine ends.",
    "set_microphone_enabled": "value (bool).",
    "set_camera_enabled": "value (bool).",
    "set_screen_share_enabled": "value (bool).",
    "set_subscribed": "key or sid, value (bool).",
    "set_muted": "key or sid of an own publication, value (bool).",
    "publish_track": "source, src.",
    "unpublish_track": "key or sid of an own publication.",
    "set_audio_connection_mode": "participant (identity), mode (auto, always, never).",
    "send_data": "text, topic, to (identities).",
    "choose_device": "kind (audioinput, audiooutput, videoinput), device_id; lobby and call.",
    "set_processing": "Any of echo (auto, on, off), noise (bool), gain (bool): what is done to your voice.",
    "talk": "value (bool), hold (seconds, 0: until false): push to talk, with what was said 0.2 s before.",
    "walk": "ahead, right (metres), turn (degrees clockwise): move oneself, relative to where one looks.",
    "place": "participant or sound (none: oneself), x, y (metres from one's seat: right, ahead), by (bool: relative).",
    "face": "degrees clockwise from ahead of one's seat: look there.",
    "arrange_seats": "seating (circle, table, row): everybody in order again.",
    "set_volume": "participant or sound, value (linear gain, 0 to 4) or steps (whole): how loud for oneself.",
    "set_spatial_mode": "mode (off, stereo, binaural).",
    "play_sound": "path, room (bool: at a place; else all around), x, y, z (metres), loop (bool): to oneself alone.",
    "stop_sound": "sound (its key).",
    "play_tone": "Two notes out of the chosen speaker, or of device_id.",
    "preview": "camera (bool), microphone (bool): switch the lobby's previews.",
    "refresh_devices": "Look for devices again.",
}
"""Every intent with its arguments in words."""


def by_id(action_id: str) -> Action:
    """The action called `action_id`.

    Raises:
        KeyError: There is none.
    """
    for action in ACTIONS:
        if action.id == action_id:
            return action
    raise KeyError(action_id)
