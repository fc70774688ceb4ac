"""Fixtures of the screens' tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from textual.app import App
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

from engage_tui.tui import direct, painting
from engage_tui.tui.painting import Painter
from tests.tui.image_app import FreeDriver, ImageApp


@pytest.fixture(scope="session", autouse=True)
def parsed_once() -> Iterator[None]:
    """Parse each sheet of styles once per set of colours, not again for each app: Textual keeps them per app only."""
    parse, kept = getattr(Stylesheet, "_parse_rules", None), dict[Any, list[RuleSet]]()
    if parse is None:  # a Textual that does it in another way: the tests take longer
        yield
        return

    def looked_up(sheet: Stylesheet, css: str, **where: Any) -> list[RuleSet]:
        key = (css, *sorted(where.items()), *sorted(sheet._variables.items()))
        if key not in kept:
            kept[key] = parse(sheet, css, **where)
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", looked_up)
        yield


@pytest.fixture
def free_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every `ImageApp` its `FreeDriver`."""

    def driver_of(app: App[Any]) -> FreeDriver | None:
        return app.free if isinstance(app, ImageApp) else None

    monkeypatch.setattr(direct, "driver_of", driver_of)
    monkeypatch.setattr(painting, "driver_of", driver_of)
    monkeypatch.setattr(Painter, "_govern", lambda self: None)  # it would count the tests' own work
    monkeypatch.delenv("NO_COLOR", raising=False)
