"""SIP status to Q.850 cause and back (RFC 3398 7.2.4.1 and 8.2.6.1, RFC 4497 8.4.1 and 8.4.4).

A redirection that isn't followed has no cause there: it is number changed (22) or redirection to new destination
(23).
"""

from __future__ import annotations

NORMAL_CLEARING = 16
NO_USER_RESPONDING = 18
NO_ANSWER = 19
REJECTED = 21
RECOVERY_ON_TIMER_EXPIRY = 102
INTERWORKING = 127

_CAUSES = {
    300: 23, 301: 22, 302: 23, 305: 23, 380: 23,
    400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127, 414: 127,
    415: 79, 416: 127, 420: 127, 421: 127, 423: 127, 480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17,
    487: 127, 488: 127, 500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21, 604: 1,
    606: 127,
}  # fmt: skip

_STATUSES = {
    1: 404, 2: 404, 3: 404, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410, 23: 410, 26: 404, 27: 502, 28: 484,
    29: 501, 31: 480, 34: 503, 38: 503, 41: 503, 42: 503, 47: 503, 55: 403, 57: 403, 58: 503, 65: 488, 69: 501,
    70: 488, 79: 501, 87: 403, 88: 503, 95: 400, 102: 504, 111: 500, 127: 500,
}  # fmt: skip


def cause_of(status: int) -> int:
    """The Q.850 cause a refusal by `status` is; 16 for 2xx, 127 (interworking) when nothing fits."""
    if 200 <= status < 300:
        return NORMAL_CLEARING
    return _CAUSES.get(status, INTERWORKING)


def status_of(cause: int) -> int:
    """The status that says `cause` to a caller whose call was not answered; 480 for 16, 500 when nothing fits."""
    if cause == NORMAL_CLEARING:
        return 480
    return _STATUSES.get(cause, 500)
