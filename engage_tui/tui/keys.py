"""Textual's bindings, made from the table of actions: there is no second list of keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from textual.app import SystemCommand
from textual.binding import Binding, BindingType

from engage_tui.engine.actions import ACTIONS, Action, Scope

_SHOWN = {
    "question_mark": "?",
    "escape": "Esc",
    "space": "Space",
    "enter": "Enter",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "tab": "Tab",
    "shift+tab": "Shift+Tab",
    "shift+left": "Shift+←",
    "shift+right": "Shift+→",
    "delete": "Delete",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
}


def bindings(*scopes: Scope) -> list[BindingType]:
    """A binding ``perform('ACTION')`` for every key of every action of these scopes.

    Keys that also act while typing get priority over the focused field.
    """
    return [
        Binding(
            ",".join(action.keys),
            f"perform('{action.id}')",
            action.label,
            show=False,
            priority=action.scope is Scope.ALWAYS and "escape" not in action.keys,
            id=action.id,
        )
        for action in ACTIONS
        if action.scope in scopes and action.keys
    ]


def shown(key: str) -> str:
    """A key as people read it: ``?``, ``Esc``, ``F2``, ``m``."""
    return _SHOWN.get(key, key.upper() if len(key) > 1 else key)


def shown_keys(action: Action) -> str:
    """All keys of an action: ``s or Enter``."""
    return " or ".join(shown(key) for key in action.keys)


def commands(perform: Callable[[str], None]) -> Iterator[SystemCommand]:
    """The palette's entries: every action of a call, by name and with its key."""
    for action in ACTIONS:
        if action.scope in (Scope.CALL, Scope.ROW):
            title = f"{action.label} ({shown_keys(action)})"
            yield SystemCommand(title, action.help, partial(perform, action.id))
