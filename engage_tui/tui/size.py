"""How small a terminal may be."""

from __future__ import annotations

import shutil

from engage_tui.errors import UsageError

SMALLEST = (30, 10)
"""Columns and rows below which there is nothing to see; the call screen's breakpoints say the same."""


def require_size() -> None:
    """Refuse to start in less.

    Raises:
        UsageError: The terminal is too small.
    """
    columns, rows = shutil.get_terminal_size()
    if columns < SMALLEST[0] or rows < SMALLEST[1]:
        raise UsageError(
            f"The terminal is too small: {columns}x{rows}.",
            f"Make it at least {SMALLEST[0]}x{SMALLEST[1]} (80x24 is comfortable), or use --json.",
        )
