"""`python -m telephony.live.pod_worker`: writes a pod's deletion cost, told line by line on stdin as JSON.

A line has `url` of the API server, `account` (the folder of the service account: `token`, `ca.crt`), `namespace`,
`pod` and `cost`; the answer is `{}` or `{"problem": "..."}`. Token and authority are read for each line, since the
kubelet renews them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from kubernetes.client import ApiClient, Configuration, CoreV1Api
from kubernetes.client.exceptions import ApiException, OpenApiException
from urllib3.exceptions import HTTPError

ANNOTATION = "controller.kubernetes.io/pod-deletion-cost"
_CONNECT_SECONDS, _READ_SECONDS = 3.0, 5.0
_MERGE = "application/merge-patch+json"


def write(order: dict[str, Any]) -> str:
    """Write the cost; what went wrong, or nothing."""
    try:
        account = Path(order["account"])
        configuration = Configuration(
            host=order["url"],
            api_key={"BearerToken": (account / "token").read_text().strip()},
            api_key_prefix={"BearerToken": "Bearer"},
            ssl_ca_cert=str(account / "ca.crt"),
            retries=False,
        )
        with ApiClient(configuration) as client:
            CoreV1Api(client).patch_namespaced_pod_status(
                order["pod"],
                order["namespace"],
                {"metadata": {"annotations": {ANNOTATION: str(order["cost"])}}},
                _content_type=_MERGE,
                _request_timeout=(_CONNECT_SECONDS, _READ_SECONDS),
                _preload_content=False,
            )
    except ApiException as error:
        return f"{error.status} {error.reason}"
    except (OpenApiException, HTTPError, OSError, ValueError, KeyError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def main() -> None:
    """Until the end of the input."""
    for line in sys.stdin:
        problem = write(json.loads(line))
        print(json.dumps({"problem": problem} if problem else {}), flush=True)


if __name__ == "__main__":
    main()
