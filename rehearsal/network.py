"""A stand-in for the network: an HTTPS proxy that answers as the hosts of the registry (`rehearsal.hosts`).

    python -m rehearsal.network --files DIR --registry config/sources.yaml --port P --certificate CA.pem

The stand-in for the source NAME lies in DIR/NAME/. Whoever is to believe it sets `proxy: http://127.0.0.1:P` and
`certificate: CA.pem`; the product has no other part in this. It speaks as Google Drive (listing, notice of no virus
scan, download), as the Hugging Face hub (listing, redirect of large files) and as plain https hosts, with ranges.

Faults, `--fault NAME=KIND[:TIMES]`, at the transfer of a source's files, always or the first TIMES times:
truncated (the connection ends at half of the file), http-500, quota (a web page with status 200), changed (other
bytes).
"""

import argparse
import contextlib
import hashlib
import http.server
import pathlib
import re
import signal
import ssl
import sys
import threading
from collections.abc import Iterable, Iterator

import trustme

from odelt.config.registry import Registry, load_registry
from rehearsal.hosts import FAULTS, QUOTA, Answer, World, page


class Network(World):
    """The stand-in hosts behind one proxy; `proxy` is its address, once it runs."""

    def __init__(self, registry: Registry, folder: pathlib.Path, faults: Iterable[str] = ()):
        super().__init__(registry, folder, faults)
        self.proxy = ""
        self.authority = trustme.CA()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._one_issuer = threading.Lock()

    def context(self, host: str) -> ssl.SSLContext:
        """The credentials of a host, issued when it is first asked."""
        with self._one_issuer:
            if host not in self._contexts:
                self._contexts[host] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self.authority.issue_cert(host).configure_cert(self._contexts[host])
            return self._contexts[host]


class _Handler(http.server.BaseHTTPRequestHandler):
    """One connection of a client: CONNECT, then https as the host that it asked for."""

    protocol_version = "HTTP/1.1"
    host: str | None = None
    network: Network

    def do_CONNECT(self):
        self.host = self.path.partition(":")[0]
        self.send_response(200, "Connection established")
        self.end_headers()
        try:
            self.connection = self.network.context(self.host).wrap_socket(self.connection, server_side=True)
        except (OSError, ssl.SSLError) as error:  # a client that does not trust the authority
            self.log_message("%s: %s", self.host, error)
            self.close_connection = True
            return
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.close_connection = False

    def do_GET(self):
        asked = (self.command, f"https://{self.host}{self.path}", self.headers.get("Range"))
        self.network.asked.append(asked)
        answer = self.network.answer(self.host, self.path) if self.host else None
        if answer is None:
            self.log_message("unknown: %s %s", *asked[:2])
            answer = Answer(b"the stand-in network does not know this address\n", 404)
        try:
            self._send(answer)
        except OSError:  # the client went away
            self.close_connection = True

    do_HEAD = do_GET

    def _send(self, answer: Answer) -> None:
        fault = self.network.fault(answer.name, FAULTS) if answer.name and self.command == "GET" else None
        if fault == "http-500":
            answer = Answer(b"rehearsed\n", 500, {"Content-Type": "text/plain"})
        elif fault == "quota":
            answer = page("<!DOCTYPE html><html><body>", QUOTA, "</body></html>")
        body, status, headers = (
            answer.body,
            answer.status,
            {"Content-Type": "application/octet-stream"} | answer.headers,
        )
        start = 0
        if answer.name:
            etag = headers.setdefault("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            headers |= {"Accept-Ranges": "bytes", "Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT"}
            wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
            if wanted and self.headers.get("If-Range", etag) == etag and int(wanted[1]) < len(body):
                start, status, whole = int(wanted[1]), 206, len(body)
                body = body[: int(wanted[2] or whole) + 1]
                headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{whole}"
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        end = len(body) // 2 if fault == "truncated" else len(body)
        self.wfile.write(body[start : max(start, end)])
        self.close_connection |= fault == "truncated"

    def finish(self):
        super().finish()
        self.connection.close()

    def log_message(self, form, *values):
        if form.startswith(("unknown", "%s: %s")):
            print(f"rehearsal.network: {form % values}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def running(
    registry: str | pathlib.Path,
    folder: str | pathlib.Path,
    certificate: str | pathlib.Path,
    faults: Iterable[str] = (),
    port: int = 0,
) -> Iterator[Network]:
    """The network while the block runs, in threads of this process; port 0 is any free one.

    Writes the authority to trust to `certificate`. Yields the network: `proxy` (its address), `asked`, `faults`.
    """
    network = Network(load_registry(registry), pathlib.Path(folder), faults)
    network.authority.cert_pem.write_to_path(str(certificate))
    handler = type("Handler", (_Handler,), {"network": network})
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        network.proxy = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield network
        finally:
            server.shutdown()
            thread.join()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m rehearsal.network", description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=pathlib.Path, required=True, metavar="DIR")
    parser.add_argument("--registry", type=pathlib.Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--certificate", type=pathlib.Path, required=True, metavar="CA.pem")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=KIND[:TIMES]", help=", ".join(FAULTS))
    given = parser.parse_args(arguments)
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with running(given.registry, given.files, given.certificate, given.fault, given.port) as network:
        print(f"rehearsal.network: {network.proxy}", file=sys.stderr, flush=True)
        done.wait()


if __name__ == "__main__":
    main()
