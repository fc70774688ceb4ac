"""What each package loads: the import contract at run time, in a fresh interpreter each."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.require import need

ROOT = Path(__file__).parents[2]
HEADLESS = ("textual", "cv2", "sounddevice")
PACKAGES = [
    *("sdk", "server", "rtc", "media", "wire"),
    *("render", "engine", "plain", "demo", "spatial"),
]

# Imports every module of a package while the blocked names cannot be imported, then reports which were loaded.
_PROBE = """
import importlib, importlib.abc, pkgutil, sys

package, blocked = sys.argv[1], set(filter(None, sys.argv[2].split(",")))

class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ImportError(f"{name} is blocked by the test")
        return None

sys.meta_path.insert(0, Block())
module = importlib.import_module(package)
for each in pkgutil.walk_packages(getattr(module, "__path__", []), package + "."):
    importlib.import_module(each.name)
print(",".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def loaded_by(package: str, *blocked: str) -> set[str]:
    """Import all of `package` in a fresh interpreter and return the top-level names of what was loaded."""
    run = subprocess.run(
        [sys.executable, "-c", _PROBE, package, ",".join(blocked)],
        capture_output=True,
        text=True,
        timeout=50,
        cwd=ROOT,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.strip().split(","))


@pytest.fixture(scope="module")
def loaded() -> Iterator[dict[str, Future[set[str]]]]:
    """What packages load, found out side by side: those without a screen where there is none, and two more."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {
            package: pool.submit(loaded_by, f"engage_tui.{package}", *HEADLESS)
            for package in PACKAGES
        } | {
            "tui, everything at hand": pool.submit(loaded_by, "engage_tui.tui"),
            "server, without numpy": pool.submit(
                loaded_by, "engage_tui.server", *HEADLESS, "numpy"
            ),
        }


@pytest.mark.parametrize("package", PACKAGES)
def test_headless_package_needs_no_screen_and_no_devices(
    package: str, loaded: dict[str, Future[set[str]]]
) -> None:
    assert not loaded[package].result() & set(HEADLESS)


def test_screen_loads_no_transport(loaded: dict[str, Future[set[str]]]) -> None:
    heavy = {"aiortc", "aioice", "av", "cv2", "sounddevice", "aiohttp"}
    assert not loaded["tui, everything at hand"].result() & heavy


def test_server_runs_without_codecs_and_pictures(loaded: dict[str, Future[set[str]]]) -> None:
    assert not loaded["server, without numpy"].result() & {"numpy", "textual"}


def test_top_level_import_is_lazy() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import engage_tui, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        timeout=20,
        cwd=ROOT,
        check=True,
    )
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    assert not loaded & {"aiortc", "av", "numpy", "aiohttp", "textual"}


def test_import_contracts() -> None:
    script = Path(sys.executable).with_name("lint-imports")
    command = str(script) if script.exists() else shutil.which("lint-imports")
    need(command is not None, "import-linter (pip install -e .[dev])")
    assert command is not None
    run = subprocess.run(
        [command, "--no-cache"], capture_output=True, text=True, timeout=55, cwd=ROOT
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_command_decides_about_threads_before_numpy_is_loaded() -> None:
    code = "import sys, engage_tui.cli.main; print('numpy' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50
    )
    assert run.stdout == "False\n"
