"""Callbacks that do not keep their owner alive.

A connection tells its owner what happens, and the owner has the connection: with plain callbacks that is a cycle, which
stays in memory, with its TLS state and its packets, until the garbage collector comes by.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec
from weakref import WeakMethod

_P = ParamSpec("_P")


def weakly(method: Callable[_P, None]) -> Callable[_P, None]:
    """Call a bound `method` while its object lives, and do nothing afterwards."""
    reference = WeakMethod(method)

    def call(*args: _P.args, **kwargs: _P.kwargs) -> None:
        if (alive := reference()) is not None:
            alive(*args, **kwargs)

    return call
