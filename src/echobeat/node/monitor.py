"""Health and metrics over HTTP, on loopback unless told otherwise: numbers only, nothing about a patient."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from echobeat.errors import OutputError
from echobeat.node.connection import POLL_S

GAUGES = {
    "studies_waiting": "Studies that wait for the analysis",
    "instances_waiting": "Instances that wait for the analysis",
    "results_waiting": "Results that wait to be sent",
    "results_given_up": "Results that were given up; see echobeat node retry",
    "instances_given_up": "Instances whose analysis was given up; see echobeat node retry",
    "spool_free_bytes": "Free space on the spool's disk",
}
COUNTERS = {
    "instances_received": "Instances taken in",
    "duplicates": "Instances that came again and were known",
    "instances_reported": "Instances that are in a report",
    "instances_refused": "Instances that were refused with a reason",
    "instances_failed": "Instances whose analysis failed for good",
    "studies_analysed": "Analyses that ended",
    "analysis_failures": "Analyses that were put off",
    "results_sent": "Results that arrived, once for each destination",
    "send_failures": "Attempts to send that failed",
    "results_dead": "Results given up",
    "associations_rejected": "Associations of a wrong called or calling AE title, or too many",
}


def metrics_text(values: Mapping[str, int]) -> str:
    """Prometheus's text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/."""
    lines = []
    for kind, names, suffix in (("gauge", GAUGES, ""), ("counter", COUNTERS, "_total")):
        for name, meaning in names.items():
            full = f"echobeat_{name}{suffix}"
            lines += [f"# HELP {full} {meaning}.", f"# TYPE {full} {kind}", f"{full} {values.get(name, 0)}"]
    return "\n".join(lines) + "\n"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Print no traceback into the log where a probe leaves before it is answered."""


class Monitor:
    """``GET /health`` (200 or 503) and ``GET /metrics``, from `start` until `stop`.

    Parameters
    ----------
    host, port : str, int
        Where to listen; port 0: any free one.
    values : callable
        The numbers of `GAUGES` and `COUNTERS`.
    troubles : callable
        Codes of what is wrong; empty where all is well.
    """

    def __init__(
        self, host: str, port: int, values: Callable[[], Mapping[str, int]], troubles: Callable[[], tuple[str, ...]]
    ) -> None:
        self._host, self._port, self._values, self._troubles = host, port, values, troubles
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> int:
        """Listen; returns the port.

        Raises
        ------
        OutputError
            The port is taken.
        """
        try:
            self._server = _Server((self._host, self._port), self._handler())
        except OSError as error:
            raise OutputError(f"{self._host}:{self._port} cannot be listened on ({error.strerror}).") from error
        Thread(target=self._server.serve_forever, args=(POLL_S,), name="monitor", daemon=True).start()
        return int(self._server.server_address[1])

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        monitor = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                if self.path == "/health":
                    troubles = monitor._troubles()
                    body = json.dumps({"status": "troubled" if troubles else "ok", "troubles": troubles})
                    self._answer(503 if troubles else 200, "application/json", body)
                elif self.path == "/metrics":
                    self._answer(200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(monitor._values()))
                else:
                    self._answer(404, "text/plain", "There are /health and /metrics.\n")

            def _answer(self, code: int, kind: str, body: str) -> None:
                data = body.encode()
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *arguments: object) -> None:
                """The journal is enough."""

        return Handler
