# SPDX-License-Identifier: MIT
"""Functions that call each other, some of them through C, each with a local `rows`. READY, then waits."""
import sys


def innermost(_):
    rows = ["rows of innermost"]
    print("READY", flush=True)
    sys.stdin.readline()
    return rows


def inner(_):
    rows = ["rows of inner"]
    list(map(innermost, [1]))
    return rows


def below():
    rows = ["rows of below"]
    list(map(inner, [1]))
    return rows


def main():
    rows = ["rows of main"]
    below()
    return rows


main()
