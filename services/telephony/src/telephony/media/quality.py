"""How a call sounds, as a number (ITU-T G.107, the E-model, for codecs with concealment)."""

from __future__ import annotations

from telephony.media.codecs import OPUS, PCMA, PCMU, Codec

_R0 = 93.2
_IMPAIRMENTS = {
    # ITU-T G.113 Appendix I, table I.4: G.711 with the concealment of its own appendix I, random loss.
    PCMU: (0.0, 25.1),
    PCMA: (0.0, 25.1),
    # G.113 has no value for Opus. With in-band FEC and concealment nothing is heard without loss; for its
    # robustness we take the lower end of what G.113 gives codecs that conceal well.
    OPUS: (0.0, 20.0),
}
"""Equipment impairment Ie without loss, and packet-loss robustness Bpl, by codec."""


def mean_opinion_score(one_way_delay_seconds: float, loss: float, codec: Codec = OPUS) -> float:
    """MOS 1..4.5 from mouth-to-ear delay and the share of packets lost.

    G.107 7.2's delay impairment in its common piecewise form, 7.3's packet-loss impairment, B.4's mapping.
    """
    delay_ms = one_way_delay_seconds * 1000
    delay_impairment = 0.024 * delay_ms + (0.11 * (delay_ms - 177.3) if delay_ms > 177.3 else 0.0)
    percent = loss * 100
    impairment, robustness = _IMPAIRMENTS[codec]
    equipment = impairment + (95 - impairment) * percent / (percent + robustness)
    rating = min(100.0, max(0.0, _R0 - delay_impairment - equipment))
    return round(1 + 0.035 * rating + 7e-6 * rating * (rating - 60) * (100 - rating), 2)
