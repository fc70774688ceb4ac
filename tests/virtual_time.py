"""An event loop whose clock jumps: timers fire at once, in order, at exactly their time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

_T = TypeVar("_T")
_P = ParamSpec("_P")


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting, moves the clock on."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing will ever happen: every task waits and there is no timer")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop on virtual time, from 0; for work without sockets and threads."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self.failures: list[BaseException] = []
        self.set_exception_handler(self._failed)

    def _failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Something that nobody awaits has failed."""
        error = context.get("exception")
        self.failures.append(error or RuntimeError(context["message"]))

    def time(self) -> float:
        """Seconds of virtual time."""
        return self._jumping.now


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run `work` to its end on virtual time; what fails in timers and callbacks meanwhile fails it too."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        result = runner.run(work)
        loop = runner.get_loop()
    assert isinstance(loop, VirtualLoop)
    if loop.failures:
        raise loop.failures[0]
    return result


def on_virtual_time(test: Callable[_P, Coroutine[Any, Any, None]]) -> Callable[_P, None]:
    """Have a test `run` on virtual time; its asynchronous fixtures would not."""

    @wraps(test)
    def virtual(*args: _P.args, **kwargs: _P.kwargs) -> None:
        run(test(*args, **kwargs))

    return virtual
