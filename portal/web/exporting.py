"""OpenTelemetry itself. Imported only where an endpoint is set: it takes half a second to load."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from portal.settings import TelemetryPlace

_FAULT = 500


class Exporting:
    """Sends a span and a duration for each request, in batches, from threads of its own."""

    def __init__(self, place: TelemetryPlace, service: str) -> None:
        resource = Resource.create({"service.name": service})
        base, trusted = place.endpoint.rstrip("/"), str(place.ca_file) if place.ca_file else None
        self._spans = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._spans.add_span_processor(
            BatchSpanProcessor(
                OTLPSpanExporter(endpoint=f"{base}/v1/traces", timeout=5, certificate_file=trusted)
            )
        )
        reader = PeriodicExportingMetricReader(
            OTLPMetricExporter(endpoint=f"{base}/v1/metrics", timeout=5, certificate_file=trusted),
            export_interval_millis=place.metrics_every * 1000,
        )
        self._numbers = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
        self._tracer = self._spans.get_tracer("portal")
        self._duration = self._numbers.get_meter("portal").create_histogram(
            "http.server.request.duration", "s", "How long requests took."
        )
        self._read = TraceContextTextMapPropagator()

    def ended(
        self, name: str, began: int, seconds: float, parent: str, attributes: Mapping[str, str | int]
    ) -> None:
        """Take one request."""
        context = self._read.extract({"traceparent": parent}) if parent else None
        span = self._tracer.start_span(
            name, context, kind=SpanKind.SERVER, attributes=dict(attributes), start_time=began
        )
        if int(attributes.get("http.response.status_code", 0)) >= _FAULT:
            span.set_status(Status(StatusCode.ERROR))
        span.end(began + int(seconds * 1e9))
        self._duration.record(seconds, dict(attributes))

    def close(self) -> None:
        """Send what waits."""
        self._spans.shutdown()
        self._numbers.shutdown()
