# SPDX-License-Identifier: MIT
"""The process of the demonstration: a service whose sessions keep too much."""
import os
import sys


class Session(object):
    def __init__(self, number):
        self.user = "user-%d" % number
        self.history = ["/page/%d/%d" % (number, page) for page in range(40)]
        self.settings = {"theme": "dark", "rows": 1000 + number}


SESSIONS = {"u:%d" % number: Session(number) for number in range(20000)}
os.write(1, b"READY\n")
os.write(1, b"sys.getsizeof(SESSIONS) is %d\n" % sys.getsizeof(SESSIONS))
while os.read(0, 1):
    pass
