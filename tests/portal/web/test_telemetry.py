"""Traces, metrics and logs say what happened and how long it took, and nothing of what was in it."""

from __future__ import annotations

import io
import json
import logging
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from portal.settings import TelemetryPlace
from portal.web.logs import Lines
from portal.web.telemetry import Quiet, opened

Got = list[tuple[str, bytes]]
ATTRIBUTES = {"http.request.method": "GET", "http.route": "/x", "http.response.status_code": 500}
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector() -> Iterator[tuple[str, Got]]:
    """Give a collector's address, and what it is sent."""
    got: Got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", got
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_request_is_a_span_and_a_duration(collector: tuple[str, Got]) -> None:
    address, got = collector
    telemetry = opened(TelemetryPlace(endpoint=address), "airlock-outside")
    telemetry.ended("GET /x", time.time_ns(), 0.25, PARENT, ATTRIBUTES)
    telemetry.close()
    sent = dict(got)
    traces = ExportTraceServiceRequest.FromString(sent["/v1/traces"])
    span = traces.resource_spans[0].scope_spans[0].spans[0]
    assert span.name == "GET /x"
    assert span.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert span.end_time_unix_nano - span.start_time_unix_nano == 250_000_000
    metrics = ExportMetricsServiceRequest.FromString(sent["/v1/metrics"])
    metric = metrics.resource_metrics[0].scope_metrics[0].metrics[0]
    assert (metric.name, metric.histogram.data_points[0].sum) == ("http.server.request.duration", 0.25)


def test_without_an_endpoint_nothing_is_told() -> None:
    assert isinstance(opened(TelemetryPlace(), "airlock-outside"), Quiet)


def test_a_collector_that_is_not_there_holds_nothing_up() -> None:
    telemetry = opened(TelemetryPlace(endpoint="http://127.0.0.1:1"), "airlock-outside")
    for _ in range(100):
        telemetry.ended("GET /x", time.time_ns(), 0.1, "nonsense", ATTRIBUTES)


def test_a_line_of_the_log_is_json_and_tells_no_words_of_a_fault() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines())
    logger = logging.Logger("test")
    logger.addHandler(handler)
    try:
        raise ValueError("a patient's name")
    except ValueError as error:
        logger.error("it\nfailed", exc_info=error, extra={"fields": {"request": "1"}, "code": "x"})
    (line,) = stream.getvalue().splitlines()
    told = json.loads(line)
    assert (told["what"], told["request"], told["code"], told["level"]) == ("it\nfailed", "1", "x", "error")
    assert told["fault"]["kind"] == "builtins.ValueError"
    assert "patient" not in line
