"""What tests of the server's media path share: keys, and the compiled inner loop."""

from __future__ import annotations

from types import ModuleType

from pylibsrtp import Policy, Session

from engage_tui.server.native import load
from tests.require import need

KEY = bytes(range(30))


def session(kind: int) -> Session:
    """A libsrtp session for `KEY`; `kind` is ``Policy.SSRC_ANY_INBOUND`` or ``SSRC_ANY_OUTBOUND``."""
    return Session(Policy(key=KEY, ssrc_type=kind))


def compiled() -> ModuleType:
    """The inner loop in C; the test is skipped without it."""
    module = load()
    need(module is not None, "the inner loop in C: install with a C compiler at hand")
    assert module is not None
    return module
