"""What a process would tell of itself: the metrics that its code writes, read in the test instead of being sent."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint

_reader = InMemoryMetricReader()
_provider: list[MeterProvider] = []
"""A process has one for good, and instruments that were made before it was begin to count with it."""


class Measured:
    """Metrics from now on."""

    def __init__(self) -> None:
        if not _provider:
            _provider.append(MeterProvider(metric_readers=[_reader]))
            metrics.set_meter_provider(_provider[0])
        self._before = _found()

    def grown(self, name: str, **attributes: str) -> float:
        """By how much a counter, or a histogram's count, has grown over all attributes that are not named."""
        return sum(
            value - self._before.get(key, 0.0)
            for key, value in _found().items()
            if key[0] == name and attributes.items() <= dict(key[1]).items()
        )

    def last(self, name: str, **attributes: str) -> float | None:
        """What a gauge says; None when it was never set."""
        return next(
            (value for key, value in _found().items() if key[0] == name and attributes.items() <= dict(key[1]).items()),
            None,
        )


def _found() -> Mapping[tuple[str, tuple[tuple[str, object], ...]], float]:
    found = dict[tuple[str, tuple[tuple[str, object], ...]], float]()
    data = _reader.get_metrics_data()
    for resource in data.resource_metrics if data is not None else ():
        for metric in (each for scope in resource.scope_metrics for each in scope.metrics):
            for point in metric.data.data_points:
                key = metric.name, tuple(sorted((point.attributes or {}).items()))
                found[key] = float(point.value if isinstance(point, NumberDataPoint) else point.count)
    return found
