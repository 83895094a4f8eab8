"""What runs in a pod to extend the API, with nothing but Python: webhooks and an API server on one port.

POST /admit refuses whatever is called `refused`, POST /convert knows how hosts and ports become one text and back, and
/apis/wardle.example.com/v1alpha1 serves flunders to whoever shows a certificate of the front proxy.
"""

from __future__ import annotations

import json
import os
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GROUP = "wardle.example.com/v1alpha1"
KEYS = os.environ.get("KEYS", "/keys")
FLUNDERS: list[Any] = []


def admit(request: Any) -> Any:
    refused = request["name"] == "refused"
    return {"allowed": not refused, "status": {"message": "refused from a pod", "code": 403, "reason": "Forbidden"}}


def convert(request: Any) -> Any:
    wanted = request["desiredAPIVersion"]
    return {
        "result": {"status": "Success"},
        "convertedObjects": [converted(obj, wanted) for obj in request["objects"]],
    }


def converted(obj: Any, wanted: str) -> Any:
    result = {**obj, "apiVersion": wanted}
    if wanted.endswith("v2"):
        result["host"], _, result["port"] = result.pop("hostPort", "").partition(":")
    else:
        result["hostPort"] = f"{result.pop('host', '')}:{result.pop('port', '')}"
    return result


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.startswith(("/admit", "/convert")):
            request = body["request"]
            answer = admit(request) if self.path.startswith("/admit") else convert(request)
            head = {"apiVersion": body["apiVersion"], "kind": body["kind"]}
            self.answer(200, {**head, "response": {"uid": request["uid"], **answer}})
        elif self.is_proxy():
            FLUNDERS.append({**body, "madeBy": self.headers["X-Remote-User"]})
            self.answer(201, FLUNDERS[-1])

    def do_GET(self) -> None:
        if not self.is_proxy():
            return
        if self.path.partition("?")[0] == f"/apis/{GROUP}":
            item = {"name": "flunders", "singularName": "flunder", "namespaced": True, "kind": "Flunder"}
            resources = [{**item, "verbs": ["create", "get", "list"]}]
            self.answer(200, {"kind": "APIResourceList", "groupVersion": GROUP, "resources": resources})
        elif "/flunders" in self.path:
            self.answer(200, {"kind": "FlunderList", "apiVersion": GROUP, "metadata": {}, "items": FLUNDERS})
        else:
            self.answer(404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404})

    def is_proxy(self) -> bool:
        subject = (self.connection.getpeercert() or {}).get("subject", ())  # type: ignore[attr-defined]
        known = any(("commonName", "front-proxy-client") in part for part in subject)
        if not known:
            self.answer(401, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 401})
        return known

    def answer(self, code: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=f"{KEYS}/front-proxy.pem")
    context.load_cert_chain(f"{KEYS}/tls.crt", f"{KEYS}/tls.key")
    context.verify_mode = ssl.CERT_OPTIONAL  # webhooks are called without a certificate
    server = ThreadingHTTPServer(("", 8443), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
