# SPDX-License-Identifier: MIT
"""An ASGI application whose endpoint asks another service, which does not answer, without giving up the event loop."""
import socket
import urllib.request

from fastapi import FastAPI

SERVICE = socket.socket()
SERVICE.bind(("127.0.0.1", 0))
SERVICE.listen(8)
app = FastAPI()


@app.get("/")
async def price():
    with urllib.request.urlopen("http://%s:%d/" % SERVICE.getsockname()) as answer:
        return answer.read()
