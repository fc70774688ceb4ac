"""Where a choice comes from: a flag, else the environment, else the default."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Provenance(StrEnum):
    """Who decided."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Setting:
    """A value, and who decided it."""

    value: str
    provenance: Provenance

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Setup:
    """One setting: its environment variable and its default."""

    variable: str
    default: str = ""

    def resolve(self, flag: str | None = None, environ: Mapping[str, str] | None = None) -> Setting:
        """The value in force.

        Args:
            flag: From the command line; None if it was not given.
            environ: The environment; the process's own unless told.
        """
        if flag is not None:
            return Setting(flag, Provenance.FLAG)
        found = (os.environ if environ is None else environ).get(self.variable, "")
        if found:
            return Setting(found, Provenance.ENVIRONMENT)
        return Setting(self.default, Provenance.DEFAULT)


URL = Setup("LIVEKIT_URL", "ws://127.0.0.1:7880")
"""The room server's address."""

TOKEN = Setup("LIVEKIT_TOKEN")
"""An access token."""

API_KEY = Setup("LIVEKIT_API_KEY")
"""The key to make a token with."""

API_SECRET = Setup("LIVEKIT_API_SECRET")
"""The secret that belongs to the key."""

VIDEO = Setup("ENGAGE_TUI_VIDEO", "auto")
"""How pictures are drawn; see `engage_tui.render.choice.NAMES`."""
