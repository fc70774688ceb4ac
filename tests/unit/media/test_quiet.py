from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_PROBE = """
import os, sys
from engage_tui.media.quiet import native_stderr_in_log, redirect_native_stderr

with native_stderr_in_log():
    os.write(2, b"block chatter\\n")
os.write(2, b"between\\n")
for _ in range(2):
    redirect_native_stderr(keep_python=sys.argv[1] == "keep")
os.write(2, b"native chatter\\n")
print("python speaks", file=sys.stderr)
"""


@pytest.mark.parametrize("keep", ["keep", "all"])
def test_native_chatter_goes_to_the_log(tmp_path: Path, keep: str) -> None:
    log = tmp_path / "folder" / "log"
    run = subprocess.run(
        [sys.executable, "-c", _PROBE, keep],
        env={**os.environ, "ENGAGE_TUI_LOG": str(log)},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    shown = "between\npython speaks\n" if keep == "keep" else "between\n"
    assert run.stderr == shown
    logged = log.read_text()
    assert logged.startswith("block chatter\nnative chatter\n")
    assert ("python speaks" in logged) == (keep == "all")
