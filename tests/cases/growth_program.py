# SPDX-License-Identifier: MIT
"""Grows a list of jobs by a thousand whenever a line is read, and keeps what it needs for a moment besides: a program
that leaks. Says how many there are of what it keeps, before each step."""
import os
import sys


class Job(object):
    def __init__(self, n):
        self.number, self.payload = n, ["row %d of %d" % (k, n) for k in range(n % 50)]


class Registry(object):
    names = []


HISTORY, RECENT, SETTLED = [], {}, [str(n) for n in range(1000)]


def step(first):
    for n in range(first, first + 1000):
        job = Job(n)
        HISTORY.append(job)
        RECENT[n % 100] = job
    Registry.names.append("name %d" % first)


for number in range(3):
    step(number * 1000)
    moment = [object() for _ in range(500)]
    strings = sum(len(job.payload) for job in HISTORY)
    os.write(1, b"READY %d %d %d\n" % (len(HISTORY), strings, id(HISTORY)))
    sys.stdin.readline()
    moment = None
