"""The certificate that phones and carriers are shown: as its file is now, renewed while SIP is spoken."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from chassis.watched import Watched

LOOK_SECONDS = 10.0


def shown(context: ssl.SSLContext, certificate: str, key: str) -> Callable[[], object]:
    """Load PEM files into a context; what is given back, called now and then, takes renewed ones up. Connections that
    are open go on with what they began with. OSError or ValueError when the files can't be used at first."""

    def loaded(_: bytes) -> object:
        # On one of its own first: a certificate without its key would leave the context showing neither.
        for each in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), context):
            each.load_cert_chain(certificate, key or None)
        return object()

    return Watched(certificate, loaded, "the certificate that SIP shows").current
