# SPDX-License-Identifier: MIT
"""A worker that has served requests for a while. It says READY, waits to be dumped, and then answers one line of input
after the other with what it knows about itself (measure.py). No network: FastAPI's own test client is the clients."""
import argparse
import json
import socket
import sys
import threading

import measure
import report
from app import main, models
from fastapi.testclient import TestClient


def serve(client, logins):
    for number in range(logins):
        answer = client.post("/login", json={"customer": 1 + number, "pages": 60})
        assert answer.status_code == 200, answer.text
    document = "\n".join("%d;article %d;%d" % (number, number, 3 * number) for number in range(20000)) + "\nend"
    assert client.post("/catalogue", json={"text": document}).status_code == 422


def worker(logins, orders):
    models.fill(orders // 20, orders)
    here, printer = socket.socketpair()
    thread = threading.Thread(target=report.render, args=("2026-05", here), name="report", daemon=True)
    with TestClient(main.application) as client:
        serve(client, logins)
        thread.start()
        assert printer.recv(100)
        print("READY", flush=True)
        for line in sys.stdin:
            print(json.dumps(getattr(measure, line.strip())()), flush=True)


parser = argparse.ArgumentParser()
parser.add_argument("--logins", type=int, default=400)
parser.add_argument("--orders", type=int, default=60000)
options = parser.parse_args()
worker(options.logins, options.orders)
