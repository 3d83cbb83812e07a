"""How a call sounds, as a number (ITU-T G.107, the E-model, for wideband-capable Opus with concealment)."""

from __future__ import annotations

_R0 = 93.2
# Opus with in-band FEC and concealment: Ie 0, and the loss robustness G.113 gives codecs that conceal well.
_BPL = 20.0


def mean_opinion_score(one_way_delay_seconds: float, loss: float) -> float:
    """MOS 1..4.5 from mouth-to-ear delay and the share of packets lost.

    G.107 7.2's delay impairment in its common piecewise form, 7.3's packet-loss impairment, B.4's mapping.
    """
    delay_ms = one_way_delay_seconds * 1000
    delay_impairment = 0.024 * delay_ms + (0.11 * (delay_ms - 177.3) if delay_ms > 177.3 else 0.0)
    percent = loss * 100
    loss_impairment = 95 * percent / (percent + _BPL) if percent else 0.0
    rating = min(100.0, max(0.0, _R0 - delay_impairment - loss_impairment))
    return round(1 + 0.035 * rating + 7e-6 * rating * (rating - 60) * (100 - rating), 2)
