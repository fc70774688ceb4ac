"""Completing the path of a file as one types it."""

from __future__ import annotations

import os
from collections.abc import Sequence

_MOST = 2000
"""Names of one folder that are looked at; further ones are left out."""


def matches(typed: str) -> list[str]:
    """What `typed` may become: folders (with a slash at the end) and files, sorted, hidden ones only when asked for.

    Args:
        typed: The beginning of a path; a leading ``~`` is the person's home, and is kept as typed.
    """
    folder, begun = os.path.split(typed)
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:
            found = [
                each.name + (os.sep if each.is_dir() else "")
                for each, _ in zip(entries, range(_MOST), strict=False)
                if each.name.startswith(begun) and (begun or not each.name.startswith("."))
            ]
    except OSError:
        return []
    return [os.path.join(folder, each) for each in sorted(found)]


def completed(typed: str, found: Sequence[str]) -> str:
    """`typed`, as far as all that it may become agree."""
    return os.path.commonprefix(list(found)) or typed
