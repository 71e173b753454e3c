# SPDX-License-Identifier: MIT
"""Tasks that wait in every way asyncio has, tasks that ended and are kept, coroutines and generators that stand still;
and what this very process knows of them. Writes one line of JSON, then stands still."""
import asyncio
import concurrent.futures
import json
import sys
import threading
import types

KEPT, LOST, EDGES, CYCLE = [], [], [], []
ANSWERS = {}


async def leaf(event):
    await event.wait()


async def middle(event):
    await leaf(event)


async def numbers(event):
    yield 1
    await event.wait()
    yield 2


async def consume(event):
    async for _ in numbers(event):
        pass


@types.coroutine
def old_style(future):
    yield from future


async def through_old_style(future):
    await old_style(future)


async def get(queue):
    return await queue.get()


async def locked(lock):
    async with lock:
        pass


async def holding(lock, event, more):
    async with lock:
        more.append(asyncio.current_task())
        await event.wait()


async def wanting(lock, more):
    EDGES.append((id(asyncio.current_task()), id(more[0]), "lock"))
    async with lock:
        pass


async def by_hand(lock, event, hands):
    hands.append(asyncio.current_task())
    await lock.acquire()
    await event.wait()
    lock.release()


async def wanting_by_hand(lock):
    await lock.acquire()


def by_hands(event, hands):
    lock = asyncio.Lock()
    return [by_hand(lock, event, hands), wanting_by_hand(lock), wanting_by_hand(lock)]


async def in_condition(condition, event, more):
    async with condition:
        more.append(asyncio.current_task())
        await event.wait()


async def waiting_in(condition):
    async with condition:
        await condition.wait()


async def wanting_condition(condition, more):
    EDGES.append((id(asyncio.current_task()), id(more[-1]), "lock"))
    async with condition:
        pass


async def completing(event):
    inner = [asyncio.ensure_future(leaf(event)) for _ in range(2)]
    EDGES.extend((id(asyncio.current_task()), id(one), "wait") for one in inner)
    for first in asyncio.as_completed(inner):
        await first


def in_thread(gate):
    gate.wait()


async def in_pool(pool, gate):
    await asyncio.get_running_loop().run_in_executor(pool, in_thread, gate)


async def gathering(event, n):
    children = [asyncio.ensure_future(middle(event)) for _ in range(n)]
    EDGES.extend((id(asyncio.current_task()), id(child), "gather") for child in children)
    await asyncio.gather(*children)


async def shielding(event):
    inner = asyncio.ensure_future(leaf(event))
    EDGES.append((id(asyncio.current_task()), id(inner), "shield"))
    await asyncio.shield(inner)


async def waiting_for(event):
    inner = asyncio.ensure_future(leaf(event))
    EDGES.append((id(asyncio.current_task()), id(inner), "wait_for"))
    await asyncio.wait_for(inner, 3600)


async def waiting(event):
    inner = [asyncio.ensure_future(leaf(event)) for _ in range(2)]
    EDGES.extend((id(asyncio.current_task()), id(one), "wait") for one in inner)
    await asyncio.wait(inner)


async def grouped(event):
    async with asyncio.TaskGroup() as group:
        EDGES.extend((id(asyncio.current_task()), id(group.create_task(leaf(event))), "TaskGroup") for _ in range(2))


async def each_other(which):
    await CYCLE[which]


async def sleeping():
    await asyncio.sleep(3600)


async def overdue(future):
    await future


async def quick(n):
    return bytes(10000 + n)


async def failing():
    raise ValueError("on purpose")


async def never():
    pass


def generator():
    held = bytearray(5000)
    yield held




def chain(awaitable):
    """Names and current lines from the outermost coroutine down, as Python itself tells them."""
    steps = []
    while awaitable is not None:
        if hasattr(awaitable, "cr_frame"):
            frame, code, down = awaitable.cr_frame, awaitable.cr_code, awaitable.cr_await
        elif hasattr(awaitable, "ag_frame"):
            frame, code, down = awaitable.ag_frame, awaitable.ag_code, awaitable.ag_await
        elif hasattr(awaitable, "gi_frame"):
            frame, code, down = awaitable.gi_frame, awaitable.gi_code, awaitable.gi_yieldfrom
        elif type(awaitable).__name__ in ("async_generator_asend", "coroutine_wrapper"):
            import gc
            inner = [one for one in gc.get_referents(awaitable) if hasattr(one, "ag_frame") or hasattr(one, "cr_frame")]
            awaitable = inner[0] if inner else None
            continue
        else:
            break
        if frame is None:
            break
        name = getattr(code, "co_qualname", code.co_name)
        steps.append([name, code.co_filename, frame.f_lineno])
        awaitable = down
    return steps


def state(task):
    if not task.done():
        return "running" if task is asyncio.current_task() else "pending"
    if task.cancelled():
        return "cancelled"
    failed = task._exception is not None
    return "failed" if failed else "done"


def awaiters(graph):
    """Tasks that wait for what a graph is of; gather() and the like stand between with a future of their own."""
    found = set()
    for one in graph.awaited_by:
        found |= {hex(id(one.future))} if isinstance(one.future, asyncio.Task) else awaiters(one)
    return found


def call_graph(task):
    """What asyncio itself says (3.14): lines, outermost first, and who waits for the task."""
    graph = asyncio.capture_call_graph(task)
    return {"address": hex(id(task)), "lines": [entry.frame.f_lineno for entry in reversed(graph.call_stack)],
            "awaited_by": sorted(awaiters(graph))}


def describe(task, number):
    """Since 3.12 get_name() makes the name of a task: of every other one it is not asked for."""
    return {"address": hex(id(task)), "name": task.get_name() if number % 2 else None, "state": state(task),
            "chain": chain(task.get_coro()), "stack": [frame.f_lineno for frame in task.get_stack()]}


def where_it_runs():
    """Names and lines from main() on, outermost first; and what asyncio says, which begins with functions too."""
    steps, frame = [], sys._getframe(1)
    while not steps or steps[-1][0] != "main":
        steps.append([frame.f_code.co_name, frame.f_lineno])
        frame = frame.f_back
    if hasattr(asyncio, "capture_call_graph"):
        told = asyncio.capture_call_graph(depth=2).call_stack
        assert [entry.frame.f_lineno for entry in told] == [line for _, line in steps]
    return steps[::-1]


def stand_still(truth):
    print("READY " + json.dumps(dict(truth, running=where_it_runs())), flush=True), sys.stdin.read()


async def come_to(truth):
    stand_still(truth)


async def main():
    loop = asyncio.get_running_loop()
    event, queue, lock, gate = asyncio.Event(), asyncio.Queue(), asyncio.Lock(), threading.Event()
    pool = concurrent.futures.ThreadPoolExecutor(1)
    await lock.acquire()
    make = [middle(event) for _ in range(50)] + [consume(event), through_old_style(loop.create_future()), get(queue),
                                                get(queue), locked(lock), in_pool(pool, gate), in_pool(pool, gate),
                                                gathering(event, 3),
                                                shielding(event), waiting_for(event), waiting(event), sleeping()]
    if hasattr(asyncio, "TaskGroup"):
        make.append(grouped(event))
    guarded, more = asyncio.Lock(), []
    make += [holding(guarded, event, more), wanting(guarded, more)]
    condition, hands = asyncio.Condition(), []
    make += by_hands(event, hands)
    make += [waiting_in(condition), in_condition(condition, event, more), wanting_condition(condition, more)]
    make.append(completing(event))
    late = loop.create_future()
    make.append(overdue(late))
    held = [asyncio.ensure_future(one) for one in make]
    CYCLE.extend(asyncio.ensure_future(each_other(1 - i)) for i in range(2))
    KEPT.extend(asyncio.ensure_future(quick(n)) for n in range(20))
    KEPT.append(asyncio.ensure_future(failing()))
    cancelled = asyncio.ensure_future(sleeping())
    KEPT.append(cancelled)
    python = [asyncio.tasks._PyTask(middle(event), loop=loop, name="python %d" % n) for n in range(3)]
    await asyncio.sleep(0.05)
    cancelled.cancel()
    await asyncio.sleep(0.05)
    LOST.append(never())
    ANSWERS.update((n, loop.create_future()) for n in range(12))
    for n in range(10):
        ANSWERS[n].set_result(bytes(10000 + n))
    ANSWERS[10].set_exception(ValueError("of a future"))
    standing = generator()
    next(standing)
    coming = numbers(event)
    try:
        coming.asend(None).send(None)
    except StopIteration:
        pass
    late.set_result(None)  # the loop has no time for it any more
    known = {id(task): task for task in list(asyncio.all_tasks()) + KEPT + python}
    truth = {"tasks": [describe(task, number) for number, task in enumerate(known.values())],
             "edges": [[hex(a), hex(b), by] for a, b, by in EDGES],
             "cycle": [hex(id(task)) for task in CYCLE], "never": hex(id(LOST[0])), "generator": hex(id(standing)),
             "async_generator": hex(id(coming)), "queue": hex(id(queue)), "event": hex(id(event)),
             "loop": hex(id(loop)),
             "lock": hex(id(lock)), "kept": hex(id(KEPT)), "held": len(held), "answers": hex(id(ANSWERS)),
             "holder": hex(id(more[0])), "hand": hex(id(hands[0])), "main": hex(id(asyncio.current_task())),
             "in_condition": hex(id(more[1]))}
    if hasattr(asyncio, "capture_call_graph"):
        truth["graphs"] = [call_graph(task) for task in known.values()  # it takes no tasks written in Python
                           if isinstance(task, asyncio.Future) and task not in CYCLE and not task.done() and
                           task is not asyncio.current_task()]
    del known
    await come_to(truth)

asyncio.run(main())
