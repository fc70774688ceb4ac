"""Builds the room server's inner loop from C, where there is a compiler; without it Python does the same, slower."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SERVER = Path("engage_tui/server")
NAME = "_native"


class NativeLoop(BuildHookInterface[Any]):
    """Puts the compiled module beside its source."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Called by hatchling before it collects files."""
        if self.target_name != "wheel" or sys.platform != "linux":
            return
        server = Path(self.root) / SERVER
        try:
            with tempfile.TemporaryDirectory(dir=server, prefix=".") as folder:
                made = compile_native(server, folder)
                made.replace(server / made.name)  # at once: a server may be running the one before
        except Exception as error:  # noqa: BLE001 - whatever a compiler lacks: there is another way
            self.app.display_warning(f"the room server forwards without C code: {error}")
            return
        build_data["artifacts"].append(f"/{SERVER}/{made.name}")
        build_data["pure_python"] = False
        build_data["infer_tag"] = True


def compile_native(server: Path, folder: str) -> Path:
    """Compile; returns the module's path within `folder`.

    Raises:
        Exception: There is no compiler, no Python header, or no cffi; each has a type of its own.
    """
    from cffi import FFI  # noqa: PLC0415 - a build without it goes on

    declared, source = ((server / f"native.{end}").read_text() for end in "hc")
    stamp = hashlib.sha256((declared + source).encode()).hexdigest()
    builder = FFI()
    builder.cdef(declared + "\nchar *made_from(void);")
    builder.set_source(
        NAME,
        f'{source}\nstatic char *made_from(void) {{ return "{stamp}"; }}',
        include_dirs=[str(server)],
        py_limited_api=True,
    )
    return Path(builder.compile(tmpdir=folder))
