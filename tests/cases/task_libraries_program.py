# SPDX-License-Identifier: MIT
"""task_libraries_program.py LIBRARY: tasks of one library that hang in two places, and where this very process says
they stand. Writes one line of JSON, then stands still."""
import json
import sys

WORKERS, READERS = 5, 3


def stack_of(frame):
    """Outermost first, as a greenlet keeps it."""
    steps = []
    while frame is not None:
        steps.append([frame.f_code.co_name, frame.f_lineno])
        frame = frame.f_back
    return steps[::-1]


def chain_of(awaitable):
    steps = []
    while awaitable is not None:
        if hasattr(awaitable, "cr_frame"):
            frame, down = awaitable.cr_frame, awaitable.cr_await
        elif hasattr(awaitable, "gi_frame"):
            frame, down = awaitable.gi_frame, awaitable.gi_yieldfrom
        else:
            break
        if frame is None:
            break
        steps.append([frame.f_code.co_name, frame.f_lineno])
        awaitable = down
    return steps


def ready(tasks, **more):
    """tasks: (object, name or None, chain)."""
    truth = {"tasks": [{"address": hex(id(task)), "name": name, "chain": chain} for task, name, chain in tasks]}
    truth.update(more)
    sys.stdout.write("READY %s\n" % json.dumps(truth))
    sys.stdout.flush()
    sys.stdin.readline()


def asyncio_tasks(asyncio):
    return [(task, task.get_name(), chain_of(task.get_coro())) for task in asyncio.all_tasks()
            if task is not asyncio.current_task()]


def uvloop_program():
    import asyncio
    import uvloop

    async def work(queue):
        order = "kept"
        await queue.get()
        return order

    async def read(reader):
        await reader.readline()

    async def main():
        queue = asyncio.Queue()
        tasks = [asyncio.ensure_future(work(queue)) for _ in range(WORKERS)]
        tasks += [asyncio.ensure_future(read(asyncio.StreamReader())) for _ in range(READERS)]
        await asyncio.sleep(0.05)
        running = asyncio.get_running_loop()
        for _ in range(4):
            running.call_soon(print)
        running.call_later(3600, print)
        ready(asyncio_tasks(asyncio), queue=hex(id(queue)), loop=hex(id(running)))

    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(main())


def anyio_program():
    import asyncio
    import threading
    import anyio
    gate, begun = threading.Event(), threading.Event()

    async def work(stream):
        await stream.receive()

    async def read(event):
        with anyio.fail_after(3600):
            await event.wait()

    def in_thread():
        begun.set()
        gate.wait()

    async def main():
        send, receive = anyio.create_memory_object_stream(1)
        event = anyio.Event()
        async with anyio.create_task_group() as group:
            for _ in range(WORKERS):
                group.start_soon(work, receive)
            for _ in range(READERS):
                group.start_soon(read, event)
            await anyio.sleep(0.05)
            mine = asyncio_tasks(asyncio)
            group.start_soon(anyio.to_thread.run_sync, in_thread)
            while not begun.is_set():
                await anyio.sleep(0.01)
            ready(mine, kept=[hex(id(send))])

    anyio.run(main)


def trio_program():
    import trio

    async def work(stream):
        await stream.receive()

    async def read(event):
        with trio.fail_after(3600):
            await event.wait()

    async def parent(event, below):
        below.append(trio.lowlevel.current_task())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child, event, below)

    async def child(event, below):
        below.append(trio.lowlevel.current_task())
        await event.wait()

    async def main():
        send, receive = trio.open_memory_channel(0)
        event = trio.Event()
        async with trio.open_nursery() as nursery:
            for _ in range(WORKERS):
                nursery.start_soon(work, receive)
            for _ in range(READERS):
                nursery.start_soon(read, event)
            mine, below = [task for task in nursery.child_tasks], []
            nursery.start_soon(parent, event, below)
            await trio.testing.wait_all_tasks_blocked()
            ready([(task, task.name, chain_of(task.coro)) for task in mine], kept=[hex(id(send))],
                  edge=[hex(id(task)) for task in below] + ["nursery"])

    import trio.testing
    trio.run(main)


def curio_program():
    import curio

    async def work(queue):
        await queue.get()

    async def read(event):
        await event.wait()

    async def join(task):
        await task.join()

    async def main():
        queue, event = curio.Queue(), curio.Event()
        tasks = [await curio.spawn(work, queue) for _ in range(WORKERS)]
        tasks += [await curio.spawn(read, event) for _ in range(READERS)]
        joining = await curio.spawn(join, tasks[0])
        await curio.sleep(0.05)
        ready([(task, task.name, chain_of(task.coro)) for task in tasks],
              edge=[hex(id(joining)), hex(id(tasks[0])), "await"])

    curio.run(main)


def greenlet_program():
    import greenlet
    home = greenlet.getcurrent()

    def work(order):
        weighs = bytearray(10000 + order)
        home.switch()
        return weighs

    def read(order):
        inner(order)

    def inner(order):
        home.switch()

    tasks = [greenlet.greenlet(work) for _ in range(WORKERS)] + [greenlet.greenlet(read) for _ in range(READERS)]
    for number, task in enumerate(tasks):
        task.switch(number)
    ready([(task, None, stack_of(task.gr_frame)) for task in tasks])


def hub_program(library):
    """gevent and eventlet: the same names in both."""
    import importlib
    green = importlib.import_module(library)
    queue = importlib.import_module(library + ".queue").Queue()
    event = importlib.import_module(library + ".event").Event()

    def work(order):
        weighs = bytearray(10000 + order)
        queue.get()
        return weighs

    def read(order):
        event.wait()

    tasks = [green.spawn(work, number) for number in range(WORKERS)]
    tasks += [green.spawn(read, number) for number in range(READERS)]
    green.sleep(0.05)
    ready([(task, None, stack_of(task.gr_frame)) for task in tasks])


def gevent_program():
    hub_program("gevent")


def eventlet_program():
    hub_program("eventlet")


if __name__ == "__main__":
    globals()[sys.argv[1] + "_program"]()
