# SPDX-License-Identifier: MIT
"""Who is logged in. The leak: nothing ever removes a session."""
import time

SESSIONS = {}


class Session:
    def __init__(self, token, customer):
        self.token = token
        self.customer = customer
        self.since = time.time()
        self.visited = []
        self.payload = {"cart": [], "page": b""}

    def visit(self, address, page):
        self.visited.append({"address": address, "bytes": len(page), "at": time.time()})
        self.payload["page"] = page


def start(token, customer):
    SESSIONS[token] = Session(token, customer)
    return SESSIONS[token]
