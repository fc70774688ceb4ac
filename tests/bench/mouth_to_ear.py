"""Mouth to ear: ``python -m tests.bench.mouth_to_ear [--seconds 40] [--mode both] [--processing]``.

Two of our clients, each a process of its own, meet in a room of our server; their cards are null sinks of a PulseAudio
server of the bench's own. Short sweeps are played into the speaker's microphone. One program records both cards with
like settings, so that its own delay cancels out: what is counted is the time from a sweep's arrival at the card of the
microphone to its arrival at that of the loudspeaker, with the latter's own block on top. Both clients tell when the
sweep passed their microphone's thread and their mixer, which divides the way into three.

``--processing`` adds runs with the echo canceller, with the noise suppressor, and with both.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from tests.bench.mixer_ring import raise_session, ready, server
from tests.virtual_sound import MICROPHONE, SPEAKER, VirtualSound

RATE = 48_000
EVERY = 0.413  # seconds between sweeps: no multiple of any block
LEAD = 3.0  # seconds for buffers to settle, not counted
REACH = 0.4  # seconds after a sweep in which it is looked for
_ENDS = [sys.executable, "-m", "tests.bench.mouth_to_ear_ends"]

Mono = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Case:
    """A way to set both clients up, with its goals in milliseconds (0: none)."""

    name: str
    flags: tuple[str, ...] = ()
    median: float = 0
    p95: float = 0


PLAIN = Case("20 ms packets", (), 80, 100)
LOW = Case("low latency", ("--low-latency",), 55, 80)
PROCESSED = (
    Case("20 ms packets, canceller", ("--echo",)),
    Case("20 ms packets, suppressor", ("--noise",)),
    Case("20 ms packets, both", ("--echo", "--noise")),
)


def main() -> None:
    """Run the cases and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=40.0, help="of each run")
    parser.add_argument("--mode", choices=("plain", "low", "both"), default="both")
    parser.add_argument("--processing", action="store_true", help="canceller and suppressor, too")
    parser.add_argument("--raised", action="store_true", help="everything at nice -15")
    options = parser.parse_args()
    if options.raised:  # on a machine with other work; needs the right to
        os.setpriority(os.PRIO_PROCESS, 0, -15)
        raise_session()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cases = {"plain": [PLAIN], "low": [LOW], "both": [PLAIN, LOW]}[options.mode]
    print("mouth to ear in ms: median, p95 (goals); of the median: microphone, way, speaker")
    for case in [*cases, *(PROCESSED if options.processing else ())]:
        print(f"{case.name:26} {measure(case, options.seconds)}", flush=True)


def measure(case: Case, seconds: float) -> str:
    """One run; its figures as text."""
    with contextlib.ExitStack() as stack:
        sound = stack.enter_context(VirtualSound())
        url = stack.enter_context(server())
        hearing = stack.enter_context(client("hear", url, sound.env, ["--device", SPEAKER], case))
        saying = stack.enter_context(client("say", url, sound.env, ["--device", MICROPHONE], case))
        mouth = stack.enter_context(Recording("vmic", sound.env))
        ear = stack.enter_context(Recording("vspk.monitor", sound.env))
        stack.enter_context(Sweeps(sound.env))
        time.sleep(LEAD + seconds)
        card = card_block(sound.env)
    said, heard = mouth.sound(), ear.sound()
    told = figures(case, said, heard, (saying.stamps, hearing.stamps), card)
    return f"{told}; {hearing.depth} blocks ahead, ran dry {hearing.underruns} times"


def figures(
    case: Case,
    said: tuple[float, Mono],
    heard: tuple[float, Mono],
    stages: tuple[list[float], list[float]],
    card: float,
) -> str:
    """What two recordings ``(time of the first sample, samples)`` and the clients' stamps tell."""
    taken, delays, parts = 0, [], []
    for at in sweeps(*said):
        if at < said[0] + LEAD:
            continue
        taken += 1
        late = delay(said, heard, at)
        if late is None:
            continue
        delays.append(late + card)
        captured, mixed = (_next(stamps, at) for stamps in stages)
        if captured is not None and mixed is not None:
            parts.append((captured - at, mixed - captured, at + late + card - mixed))
    if not delays:
        return f"nothing of {taken} sweeps was heard"
    median, p95 = np.percentile(np.array(delays) * 1000, [50, 95])
    goals = f" (goals {case.median:g}, {case.p95:g})" if case.median else ""
    shares = [f"{part * 1000:.0f}" for part in np.median(np.array(parts), axis=0)] if parts else []
    return (
        f"{median:5.1f}, {p95:5.1f}{goals}; {' + '.join(shares) or 'no stamps'};"
        f" {len(delays)} of {taken} sweeps heard"
    )


def sweep() -> Mono:
    """30 ms from 400 Hz to 3 kHz: Opus keeps it, and it cannot be mistaken for a shifted self."""
    times = np.arange(round(0.03 * RATE)) / RATE
    phase = 2 * np.pi * (400 * times + (3000 - 400) / (2 * 0.03) * times**2)
    return (0.4 * np.sin(phase) * np.hanning(len(times))).astype(np.float32)


def sweeps(start: float, samples: Mono) -> list[float]:
    """When each sweep begins in a recording of them alone."""
    match = np.abs(_correlate(samples, sweep()))
    loud = match > 0.5 * match.max()
    found: list[float] = []
    position = 0
    while position < len(loud):
        hits = np.flatnonzero(loud[position:])
        if not len(hits):
            break
        first = position + int(hits[0])
        best = first + int(np.argmax(match[first : first + RATE // 20]))
        found.append(start + best / RATE)
        position = best + RATE // 5
    return found


def delay(said: tuple[float, Mono], heard: tuple[float, Mono], at: float) -> float | None:
    """Seconds after which the sweep of time `at` sounds in `heard`; None: it does not."""
    begin = round((at - heard[0]) * RATE)
    piece = heard[1][begin : begin + round(REACH * RATE)]
    if begin < 0 or len(piece) < REACH * RATE:
        return None
    match = np.abs(_correlate(piece, sweep()))
    best = int(np.argmax(match))
    if match[best] < 8 * np.median(match) or match[best] < 1e-3:
        return None
    return best / RATE + heard[0] + begin / RATE - at


def _correlate(samples: Mono, pattern: Mono) -> npt.NDArray[np.float64]:
    size = 1 << (len(samples) + len(pattern)).bit_length()
    spectrum = np.fft.rfft(samples, size) * np.conj(np.fft.rfft(pattern, size))
    return np.fft.irfft(spectrum, size)[: len(samples)]


def _next(stamps: Sequence[float], at: float) -> float | None:
    later = [stamp for stamp in stamps if at <= stamp < at + EVERY]
    return later[0] if later else None


def card_block(env: dict[str, str]) -> float:
    """Seconds by which the loudspeaker's card takes its sound ahead."""
    listed = subprocess.run(
        ["pactl", "list", "sinks"], env={**env, "LC_ALL": "C"}, capture_output=True, text=True
    )
    part = listed.stdout.split("Name: vspk", 1)[1]
    found = re.search(r"configured (\d+) usec", part)
    return int(found.group(1)) / 1e6 if found else 0.0


@dataclass
class Client:
    """What a client told at its end: when sweeps passed it, and how its mixer did."""

    stamps: list[float] = field(default_factory=list)
    underruns: int = 0
    depth: int = 0


@contextlib.contextmanager
def client(
    role: str, url: str, env: dict[str, str], arguments: list[str], case: Case
) -> Iterator[Client]:
    """A client that takes part, from its ``ready`` on; it tells its stamps when it ends."""
    result = Client()
    with ready([*_ENDS, role, url, *arguments, *case.flags], env) as process:
        yield result
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        for name, value in json.loads(process.stdout.readline()).items():
            setattr(result, name, value)


class _Piped(ABC):
    """A program of the sound server and a thread at its pipe, for the ``with`` block."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self._command = [*command, "--raw", f"--rate={RATE}", "--channels=1", "--format=s16le"]
        self._env = env

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, env=self._env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._thread.join()

    @abstractmethod
    def _work(self) -> None:
        """Read or write until the pipe ends."""


class Recording(_Piped):
    """Records a source of the sound server, and knows when each sample came."""

    def __init__(self, source: str, env: dict[str, str]) -> None:
        super().__init__(["parec", f"--device={source}", "--latency-msec=10"], env)
        self._chunks: list[tuple[float, bytes]] = []

    def _work(self) -> None:
        assert self._process.stdout is not None
        while chunk := os.read(self._process.stdout.fileno(), 65_536):
            self._chunks.append((time.monotonic(), chunk))

    def sound(self) -> tuple[float, Mono]:
        """Time of the first sample, and all of them.

        The card's clock is the machine's, so the chunk that came with the least delay tells for all.
        """
        samples = np.frombuffer(b"".join(chunk for _, chunk in self._chunks), np.int16)
        ends = np.cumsum([len(chunk) // 2 for _, chunk in self._chunks]) / RATE
        start = float(np.min(np.array([at for at, _ in self._chunks]) - ends))
        return start, samples.astype(np.float32) * np.float32(1 / 32768)


class Sweeps(_Piped):
    """Plays a sweep into the microphone's card every so often."""

    def __init__(self, env: dict[str, str]) -> None:
        super().__init__(["pacat", "--device=vmic_in", "--latency-msec=20"], env)

    def _work(self) -> None:
        assert self._process.stdin is not None
        block = np.zeros(round(EVERY * RATE), np.int16)
        block[: len(sweep())] = sweep() * 32767
        with contextlib.suppress(BrokenPipeError):
            while True:
                self._process.stdin.write(block.tobytes())
                self._process.stdin.flush()


if __name__ == "__main__":
    main()
