"""Stands between a client and the AWS endpoint: counts the calls, and lets things go wrong with some of them."""

import collections
import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Proxy:
    """`trouble(action, body)` may return an error code, with which the call is refused, or do something and return None."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.calls = collections.Counter()
        self.trouble = lambda action, body: None
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def handler(self):
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                action = self.headers.get("x-amz-target", "?").rsplit(".")[-1]
                with proxy.lock:
                    proxy.calls[action] += 1
                    code = proxy.trouble(action, json.loads(body or b"{}"))
                if code:
                    self.answer(400, [("content-type", "application/x-amz-json-1.1")], json.dumps({"__type": code}).encode())
                else:
                    self.answer(*proxy.forward(self, body))

            def answer(self, status, headers, body):
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler

    def forward(self, request, body):
        connection = getattr(request.server, "connections", None)
        if connection is None:
            connection = request.server.connections = threading.local()
        if not hasattr(connection, "upstream"):
            connection.upstream = http.client.HTTPConnection(self.upstream)
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        connection.upstream.request("POST", request.path, body, headers)
        response = connection.upstream.getresponse()
        kept = [(name, value) for name, value in response.getheaders() if name.lower().startswith(("content-type", "x-amz"))]
        return response.status, kept, response.read()
