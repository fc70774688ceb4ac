"""Fixtures of the server's units."""

from __future__ import annotations

from types import ModuleType

import pytest

from tests.unit.server.srtp import compiled


@pytest.fixture(scope="session")
def module() -> ModuleType:
    """The inner loop in C."""
    return compiled()
