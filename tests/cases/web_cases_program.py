# SPDX-License-Identifier: MIT
"""Eight ways in which web workers grow, as they are met in the field: one for each name.

    web_cases_program.py CASE
"""
import contextvars
import functools
import gc
import json
import logging
import os
import sys
import threading


def context_kept_by_connection():
    """A pool whose connections take the context of the request along that opened them."""
    import asyncio
    from fastapi import FastAPI
    application = FastAPI()
    current = contextvars.ContextVar("current_request")

    class Connection(object):
        def __init__(self):
            self.context = contextvars.copy_context()

    @application.get("/report/{number}")
    def report(number: int):
        return {"number": number}

    async def ask(number):
        current.set({"path": "/report/%d" % number, "rows": ["row %d of %d" % (k, number) for k in range(300)]})
        POOL.append(Connection())
        sent = []

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            sent.append(message["type"])
        await application({"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
                           "path": "/report/%d" % number, "raw_path": b"", "query_string": b"", "headers": [],
                           "scheme": "http", "root_path": "", "client": ("test", 1), "server": ("test", 80)},
                          receive, send)
        assert sent[0] == "http.response.start"

    async def serve():
        for number in range(400):
            await asyncio.ensure_future(ask(number))
    asyncio.run(serve())
    return application


POOL = []


class Counter(object):
    """As of a metrics library: a child for each value of its labels."""

    def __init__(self, name, labels):
        self.name, self.labels, self._children = name, labels, {}

    def child(self, *values):
        if values not in self._children:
            self._children[values] = Counter(self.name, ())
        return self._children[values]


REQUESTS = Counter("requests", ("path", "user"))


def label_explosion():
    for number in range(25000):
        REQUESTS.child("/items/%d" % number, "user-%d" % (number * 7))


def thread_local_query_log():
    from sqlalchemy import create_engine, event, text
    from sqlalchemy.pool import StaticPool
    log = threading.local()
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})

    def remember(connection, cursor, statement, parameters, context, executemany):
        log.__dict__.setdefault("queries", []).append("%s -- %r" % (statement, parameters))
    event.listen(engine, "before_cursor_execute", remember)

    def work():
        with engine.connect() as connection:
            statement = text("SELECT :first + :second AS total_of_the_order, :padding AS note")
            for number in range(6000):
                connection.execute(statement, {"first": number, "second": 1, "padding": "x" * 2500})
        done.set()
        forever.wait()
    done, forever = threading.Event(), threading.Event()
    threading.Thread(target=work, daemon=True, name="worker").start()
    done.wait()
    return forever


class Service(object):
    def __init__(self, number):
        self.number, self.settings = number, {"rows": list(range(number, number + 150))}

    @functools.lru_cache(maxsize=None)
    def price(self, item):
        return self.number * item


def cache_on_method():
    for number in range(1500):
        Service(number + 1000).price(3)


FAILURES = []


def exceptions_with_tracebacks():
    def parse(body):
        fields = [body[k:k + 5] for k in range(0, len(body), 5)]
        raise ValueError("no field %d" % len(fields))

    def handle(number):
        body = "body of request %d, " % number * 500
        try:
            parse(body)
        except ValueError as error:
            FAILURES.append(error)
    for number in range(120):
        handle(number)


class Node(object):
    def __init__(self, number):
        self.me, self.rows = self, ["row %d of %d" % (k, number) for k in range(30)]


def frozen_garbage():
    gc.collect()
    gc.freeze()
    gc.disable()
    for number in range(4000):
        Node(number)


SESSIONS = {}


def json_for_each_session():
    menu = [{"id": k, "title": "Entry %d" % k, "roles": ["admin", "user %d" % k]} for k in range(700)]
    text = json.dumps({"menu": menu, "version": "2026.11"})
    for number in range(25):
        SESSIONS["user %d" % number] = {"name": "user %d" % number, "config": json.loads(text)}


def handlers_never_removed():
    def job(number):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%%(asctime)s job %d %%(message)s" % number))
        logging.getLogger("app.worker").addHandler(handler)
    for number in range(10000):
        job(number)


if __name__ == "__main__":
    kept = globals()[sys.argv[1]]()
    os.write(1, b"READY\n")
    sys.stdin.read()
