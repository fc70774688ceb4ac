"""LiveKit's own tests of its Python SDK, against our server on both paths and against livekit-server.

``python -m tests.bench.official_tests CHECKOUT`` with a checkout of https://github.com/livekit/python-sdks whose
version goes with the installed packages. About eight minutes, most of them waiting. Ends with 1 if any test failed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import xml.etree.ElementTree as xml
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.embedded import described, embedded_server
from tests.servers import TestServer, find_livekit_server, run_livekit_server

TESTS = ("livekit-rtc/tests", "tests/rtc/test_e2e.py")
PATIENCE = 900.0
"""Seconds that all tests on one server may take."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the tests on one server."""

    passed: int
    failed: list[str]
    skipped: int
    seconds: float


@asynccontextmanager
async def _ours(single: bool) -> AsyncIterator[TestServer]:
    async with embedded_server(single_connection=single) as server:
        yield described(server)


@asynccontextmanager
async def _livekit(binary: str) -> AsyncIterator[TestServer]:
    with run_livekit_server(binary) as server:
        yield server


async def run(checkout: Path, server: TestServer) -> Outcome:
    """Run the tests on one server.

    Raises:
        RuntimeError: They could not be run at all.
    """
    environment = os.environ | {
        "LIVEKIT_URL": server.url,
        "LIVEKIT_API_KEY": server.key,
        "LIVEKIT_API_SECRET": server.secret,
        "RUN_DATA_TRACK_TESTS": "1",
    }
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.xml"
        words = ("-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", f"--junitxml={report}")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pytest", *words, *TESTS),
            cwd=checkout,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(PATIENCE):
                said, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise RuntimeError(f"not done within {PATIENCE:.0f} s") from None
        if not report.is_file():
            raise RuntimeError(said.decode(errors="replace")[-2000:])
        return read(report)


def read(report: Path) -> Outcome:
    """The outcome from pytest's report in JUnit's form."""
    suite = xml.parse(report).getroot().find("testsuite")
    assert suite is not None
    cases = suite.findall("testcase")
    failed = [
        str(case.get("name"))
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    ]
    skipped = sum(case.find("skipped") is not None for case in cases)
    passed = len(cases) - len(failed) - skipped
    return Outcome(passed, failed, skipped, float(suite.get("time", 0)))


async def main() -> None:
    """Run them on each server and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--only", choices=("v1", "v0", "livekit"), help="on one server alone")
    options = parser.parse_args()
    if not all((options.checkout / each).exists() for each in TESTS):
        sys.exit(f"{options.checkout} is no checkout of livekit/python-sdks.")
    servers = {"v1": _ours(single=True), "v0": _ours(single=False)}
    if (binary := find_livekit_server()) is not None:
        servers["livekit"] = _livekit(binary)
    names = {"v1": "ours, one connection", "v0": "ours, two", "livekit": "livekit-server"}
    bad = False
    print(f"{'':22} {'passed':>6} {'failed':>6} {'skipped':>7} {'seconds':>7}")
    for name, context in servers.items():
        if options.only in (None, name):
            async with context as server:
                found = await run(options.checkout, server)
            counts = f"{found.passed:6} {len(found.failed):6} {found.skipped:7}"
            print(f"{names[name]:22} {counts} {found.seconds:7.0f}", *found.failed, flush=True)
            bad |= bool(found.failed)
    sys.exit(bad)


if __name__ == "__main__":
    asyncio.run(main())
