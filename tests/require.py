"""Skip what is not installed, unless everything was asked for."""

from __future__ import annotations

import os

import pytest

REQUIRE_ALL = os.environ.get("ENGAGE_TUI_TEST_REQUIRE_ALL") == "1"
"""With this variable set, a missing program or package is a failure instead of a skip."""


def need(present: bool, reason: str) -> None:
    """Skip the running test (or module) with `reason` unless `present`; fail it when everything is required."""
    if present:
        return
    if REQUIRE_ALL:
        pytest.fail(f"required, but missing: {reason}", pytrace=False)
    pytest.skip(reason, allow_module_level=True)
