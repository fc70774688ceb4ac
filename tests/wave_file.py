"""Small sound files."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np


def tone(path: Path, channels: int = 1, seconds: float = 0.2, rate: int = 8000) -> str:
    """Write a tone of so many channels, and give the path as text."""
    time = np.arange(int(seconds * rate)) / rate
    samples = np.round(np.sin(2 * np.pi * 440 * time) * 8000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples[:, None].repeat(channels, 1).tobytes())
    return str(path)
