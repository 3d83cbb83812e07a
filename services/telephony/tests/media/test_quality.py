"""The score of a call, against values worked out by hand from G.107's formulas."""

from __future__ import annotations

import pytest
from telephony.media.codecs import OPUS, PCMA, PCMU
from telephony.media.quality import mean_opinion_score


@pytest.mark.parametrize(
    ("codec", "delay", "loss", "expected"),
    [
        (PCMU, 0.0, 0.0, 4.41),  # R = 93.2
        (PCMA, 0.0, 0.02, 4.23),  # Ie-eff = 95 * 2 / (2 + 25.1) = 7.01
        (PCMU, 0.1, 0.05, 3.82),  # Id = 2.4, Ie-eff = 15.78, R = 75.02
        (OPUS, 0.0, 0.02, 4.18),  # Ie-eff = 95 * 2 / 22 = 8.64
    ],
)
def test_a_codec_is_scored_by_its_own_robustness(codec, delay: float, loss: float, expected: float) -> None:
    assert mean_opinion_score(delay, loss, codec) == pytest.approx(expected, abs=0.01)
