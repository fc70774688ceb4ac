"""Tasks with a name, an owner and a failure that is logged.

`asyncio.create_task` is banned elsewhere (ruff TID251): a task without a reference may vanish, and one whose
exception nobody reads fails in silence.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class TaskGroup:
    """The tasks of one owner: started by name, ended together.

    Unlike `asyncio.TaskGroup` a failing task is logged and harms none of the others, because a call outlives
    any one of its workers.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, _T], name: str) -> asyncio.Task[_T]:
        """Start `work` as a task called ``owner.name`` and keep it until it ends."""
        task = asyncio.get_running_loop().create_task(work, name=f"{self._owner}.{name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def cancel(self) -> None:
        """Cancel every task but the calling one, and wait until they have ended.

        A task may start others on its way out (or finish its work after all, if a library swallows the cancellation):
        so it is looked again until none is left.
        """
        mine = asyncio.current_task()
        while tasks := [task for task in self._tasks if task is not mine]:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            # From Python 3.12 on that waits for nothing if all have ended: let them be taken off the list.
            await asyncio.sleep(0)

    def __len__(self) -> int:
        return len(self._tasks)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("task %s failed", task.get_name(), exc_info=error)
