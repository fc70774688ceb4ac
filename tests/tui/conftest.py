"""Fixtures of the screens' tests."""

from __future__ import annotations

from typing import Any

import pytest
from textual.app import App

from engage_tui.tui import direct, painting
from engage_tui.tui.painting import Painter
from tests.tui.image_app import FreeDriver, ImageApp


@pytest.fixture
def free_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every `ImageApp` its `FreeDriver`."""

    def driver_of(app: App[Any]) -> FreeDriver | None:
        return app.free if isinstance(app, ImageApp) else None

    monkeypatch.setattr(direct, "driver_of", driver_of)
    monkeypatch.setattr(painting, "driver_of", driver_of)
    monkeypatch.setattr(Painter, "_govern", lambda self: None)  # it would count the tests' own work
    monkeypatch.delenv("NO_COLOR", raising=False)
