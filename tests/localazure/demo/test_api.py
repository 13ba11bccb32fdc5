"""The demo's client of Perennial's API, against a small server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from localazure.demo.api import Api, Refused

PAGES = {
    "/api/findings?limit=500": {"items": [{"rule": "a"}, {"rule": "b"}], "next": "c1"},
    "/api/findings?limit=500&cursor=c1": {"items": [{"rule": "c"}], "next": None},
    "/api/certificates/kv-orders/www": {"certificate": "www"},
}


class _Handler(BaseHTTPRequestHandler):
    """Answers what the table knows, 404 for certificates that it does not, 400 for the rest."""

    def do_GET(self) -> None:
        found = PAGES.get(self.path)
        self.send_response(200 if found else 404 if "/certificates/" in self.path else 400)
        body = json.dumps(found or {"detail": "no"}).encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep silent."""


@pytest.fixture
def api() -> Iterator[Api]:
    """Serve the table on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        client = Api(f"http://127.0.0.1:{server.server_address[1]}")
        yield client
        client.close()
        server.shutdown()
        thread.join()


def test_pages(api: Api) -> None:
    """A list is read to its end."""
    assert [one["rule"] for one in api.everything("findings")] == ["a", "b", "c"]


def test_certificate(api: Api) -> None:
    """A certificate that the app has not seen is None, one that it has is what it says."""
    assert api.certificate("kv-orders", "www") == {"certificate": "www"}
    assert api.certificate("kv-orders", "other") is None


def test_refused(api: Api) -> None:
    """A refusal is an error with the app's words and status."""
    with pytest.raises(Refused, match="no") as refused:
        api.get("elsewhere")
    assert refused.value.status == 400
