"""Measurements, run by name: ``python -m tests.bench.NAME``."""

import os

from engage_tui.cli.main import ONE_THREAD

os.environ.update(ONE_THREAD)  # before numpy is loaded: measured as the program runs
