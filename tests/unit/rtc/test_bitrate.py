"""How the bit rate follows the losses."""

from __future__ import annotations

import pytest

from engage_tui.rtc.bitrate import LEAST, BitrateControl


def after(*losses: float) -> float:
    control = BitrateControl()
    for second, lost in enumerate(losses):
        control.report(lost, float(second))
    return control.share


@pytest.mark.parametrize(
    ("losses", "wanted"),
    [
        ((0.0, 0.0), 1.0),
        ((0.05, 0.05), 1.0),
        ((0.2,), 0.8),
        ((0.2, 0.2), 0.64),
        ((1.0,) * 20, LEAST),
        ((0.5, *(0.0,) * 3), 0.5 * 1.08**3),
        ((1.0, *(0.0,) * 40), 1.0),
    ],
)
def test_much_loss_lowers_it_and_little_lets_it_grow(
    losses: tuple[float, ...], wanted: float
) -> None:
    assert after(*losses) == pytest.approx(wanted)


def test_reports_right_after_a_fall_speak_of_the_time_before() -> None:
    control = BitrateControl()
    for now in (0.0, 0.1, 0.2):
        control.report(0.4, now)
    assert control.share == pytest.approx(0.6)
