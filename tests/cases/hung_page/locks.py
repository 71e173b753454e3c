# SPDX-License-Identifier: MIT
"""Two threads that take two locks in the other order, and more behind them."""
import sys
import threading


class Account(object):
    def __init__(self):
        self.lock = threading.RLock()


A, B = Account(), Account()
BOTH = threading.Barrier(2)


def transfer(one, other):
    with one.lock:
        BOTH.wait()
        with other.lock:
            pass


def report():
    with A.lock:
        pass


def start(name, function, *arguments):
    threading.Thread(target=function, args=arguments, name=name, daemon=True).start()


start("a to b", transfer, A, B)
start("b to a", transfer, B, A)
start("report_1", report)
start("report_2", report)
sys.stdin.read()
