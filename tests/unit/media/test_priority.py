"""Threads that must not be late are raised where the system allows it, and only they."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import pytest

from engage_tui.media import priority
from engage_tui.media.priority import raise_thread

linux = pytest.mark.skipif(not hasattr(os, "sched_setscheduler"), reason="Linux")


def in_a_thread(work: Callable[[], str]) -> str:
    told: list[str] = []
    thread = threading.Thread(target=lambda: told.append(work()))
    thread.start()
    thread.join()
    return told[0]


@linux
def test_the_thread_alone_is_raised_and_what_it_starts_is_not() -> None:
    def work() -> str:
        given = raise_thread()
        policy = os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK
        assert (given == "real-time") == (policy == os.SCHED_RR)
        child = os.sched_getscheduler(0) & os.SCHED_RESET_ON_FORK
        assert given != "real-time" or child
        return given

    before = os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)
    assert in_a_thread(work) in ("real-time", "high", "")
    assert (os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)) == before


@linux
def test_what_the_system_refuses_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("not allowed")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    asked: list[tuple[int, int, int]] = []
    monkeypatch.setattr(os, "setpriority", lambda *words: asked.append(words))
    assert in_a_thread(raise_thread) == "high"
    assert [(which, nice) for which, _, nice in asked] == [(os.PRIO_PROCESS, priority.NICE)]
    monkeypatch.setattr(os, "setpriority", refuse)
    assert in_a_thread(raise_thread) == ""
    monkeypatch.delattr(os, "sched_setscheduler")
    assert in_a_thread(raise_thread) == ""
