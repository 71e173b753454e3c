# SPDX-License-Identifier: MIT
"""A task that executes, at the inner end of awaits of every kind. Says READY and its stack, outermost first: name and
line of each coroutine, generator and asynchronous generator. `uvloop` as argument: under that loop."""
import asyncio
import json
import sys


def told():
    """Not frames of functions, nor of the loop."""
    frame, frames = sys._getframe(), []
    while frame is not None:
        if frame.f_code.co_flags & 0x3a0 and frame.f_code.co_filename == __file__:
            frames.append([frame.f_code.co_name, frame.f_lineno])
        frame = frame.f_back
    return frames[::-1]


def stands():
    print("READY " + json.dumps(told()), flush=True)
    sys.stdin.read()


class Old:
    def __await__(self):
        yield from through()


def through():
    yield from [waits() for waits in (stands,)]


async def numbers():
    await asyncio.sleep(0)
    yield 1
    await Old()
    yield 2


async def wrapped():
    async for _ in numbers():
        pass


class Manager:
    async def __aenter__(self):
        await wrapped().__await__.__self__

    async def __aexit__(self, *_):
        pass


async def inside():
    async with Manager():
        pass


async def many(*arguments, **more):
    values = [0, 1, (await inside(), len(arguments)), more]
    return values


async def main():
    await asyncio.sleep(0)
    for _ in range(2):
        await many(*range(300), key=1)


async def starts():
    other = asyncio.ensure_future(asyncio.sleep(10000))
    await asyncio.ensure_future(main())
    return other


if "uvloop" in sys.argv:
    import uvloop
    uvloop.install()
asyncio.run(starts())
