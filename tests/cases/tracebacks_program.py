# SPDX-License-Identifier: MIT
"""Exceptions that are kept with their tracebacks, by a list, a task and a log record, some that are being handled, by
this thread, a suspended coroutine and a suspended generator, and one without a traceback.
Writes one line of JSON, then stands still."""
import asyncio
import json
import logging
import sys
import types

ERRORS, TASKS, RECORDS, SUSPENDED = [], [], [], []


def inner(payload, n):
    small = [n]
    raise KeyError(n, small)


def outer(n):
    payload = bytearray(100000 + n)
    inner(payload, n)


def chained():
    try:
        outer(-1)
    except KeyError as error:
        raise ValueError("chained") from error


def hidden():
    try:
        outer(-4)
    except KeyError:
        raise TypeError("only its context is kept") from None


async def failing():
    rows = [bytes(50000)]
    raise RuntimeError(len(rows))


@types.coroutine
def pause():
    yield


async def tries_again():
    try:
        inner(None, -2)
    except KeyError:
        await pause()


def hands_out():
    try:
        inner(None, -3)
    except KeyError as error:
        yield error.args


class Collector(logging.Handler):
    def emit(self, record):
        RECORDS.append(record)


def logged():
    rows = [bytes(60000)]
    raise LookupError(len(rows))


def keep_more():
    SUSPENDED.extend([tries_again(), hands_out()])
    for one in SUSPENDED:
        one.send(None)
    log = logging.getLogger("case")
    log.addHandler(Collector())
    log.propagate = False
    try:
        logged()
    except LookupError:
        log.exception("kept")


async def main():
    for n in range(10):
        try:
            outer(n)
        except KeyError as error:
            ERRORS.append(error)
    try:
        chained()
    except ValueError as error:
        ERRORS.append(error)
    try:
        hidden()
    except TypeError as error:
        ERRORS.append(error)
    ERRORS.append(OSError("never raised"))
    TASKS.append(asyncio.ensure_future(failing()))
    await asyncio.sleep(0.01)


def lines(error):
    found, at = [], error.__traceback__
    while at is not None:
        found.append([at.tb_frame.f_code.co_name, at.tb_lineno])
        at = at.tb_next
    return found


asyncio.run(main())
keep_more()
keys = [error for error in ERRORS if isinstance(error, KeyError)]
truth = {"keys": [hex(id(error)) for error in keys], "lines": lines(keys[0]),
         "chained": lines(ERRORS[10]), "task": hex(id(TASKS[0])), "list": hex(id(ERRORS))}
try:
    outer(99)
except KeyError:
    keys = None
    print("READY " + json.dumps(truth), flush=True)
    sys.stdin.read()
