"""Real-time priority for the threads that must not be late, where the system gives it."""

from __future__ import annotations

import logging
import os
import threading

_log = logging.getLogger(__name__)

REAL_TIME = 5
"""Real-time priority of a sound thread: above everything ordinary, below the sound server's own (PulseAudio's is 5 too,
PipeWire's 88)."""

NICE = -11
"""Niceness where there is no real-time priority, as sound servers ask for."""


def raise_thread() -> str:
    """Raise the calling thread, for work that takes a small share of a core and waits for the rest.

    Ordinary users get it by ``rtprio`` or ``nice`` in limits.conf, root always.

    Returns:
        ``real-time``, ``high``, or empty where nothing was given.
    """
    if not hasattr(os, "sched_setscheduler"):
        return ""  # macOS and Windows raise PortAudio's own threads only
    try:
        # Not inherited: programs that this thread may start are ordinary ones.
        policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, policy, os.sched_param(REAL_TIME))
    except OSError as error:
        _log.debug("no real-time priority: %s", error)
    else:
        return "real-time"
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
    except OSError as error:
        _log.debug("no higher priority: %s", error)
        return ""
    return "high"
