"""Speak the screenplay into the clips that are shipped: ``python -m engage_tui.demo.make_voices``.

Needs espeak-ng and ffmpeg; nobody else does.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from engage_tui.demo.screenplay import CAST, TIMETABLE, Cue, Do, clip_name
from engage_tui.demo.voices import VOICES

# Cuts espeak's hiss and boom; a clip too short for ffmpeg's loudness filter is evened out by `level` instead.
_FILTER = "highpass=f=90,lowpass=f=7500,aresample=48000"
_LOUD = 0.16  # rms of a voice's loud blocks, of full scale
_CEILING = 0.7


def speak(cue: Cue, folder: Path) -> Path:
    """Write what `cue` says as a mono Ogg Opus file into `folder` and return its path."""
    voice = CAST[cue.who]
    say = ["espeak-ng", "-v", voice.name, "-p", str(voice.pitch), "-s", str(voice.words_per_minute)]
    say += ["-g", "2", "--stdout", cue.text]
    spoken = subprocess.run(say, check=True, capture_output=True).stdout
    to_samples = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        "-",
        "-af",
        _FILTER,
        "-ac",
        "1",
        "-f",
        "f32le",
        "-",
    ]
    raw = subprocess.run(to_samples, input=spoken, check=True, capture_output=True).stdout
    path = folder / clip_name(cue)
    encode = ["ffmpeg", "-v", "error", "-y", "-f", "f32le", "-ar", "48000", "-ac", "1", "-i", "-"]
    encode += ["-c:a", "libopus", "-b:a", "20k", "-application", "voip", "-map_metadata", "-1"]
    subprocess.run([*encode, "-fflags", "+bitexact", str(path)], input=level(raw), check=True)
    return path


def level(raw: bytes) -> bytes:
    """Bring float32 samples to the loudness of the other clips, peaks rounded off."""
    samples = np.frombuffer(raw, np.float32)
    blocks = samples[: len(samples) // 480 * 480].reshape(-1, 480)
    loud = np.percentile(np.sqrt(np.mean(np.square(blocks), axis=1)), 85)
    shaped = np.tanh(samples * (_LOUD / loud) / _CEILING) * _CEILING
    return bytes(shaped.astype(np.float32).tobytes())


def main() -> None:
    """Speak every line."""
    VOICES.mkdir(exist_ok=True)
    for cue in TIMETABLE:
        if cue.what is Do.SAY:
            path = speak(cue, VOICES)
            sys.stderr.write(f"{path.name} {path.stat().st_size}\n")


if __name__ == "__main__":
    main()
