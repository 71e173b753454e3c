# SPDX-License-Identifier: MIT
"""A page that is put together by tasks, one of them in a thread."""
import asyncio
import threading


def thumbnail():
    threading.Event().wait()


async def fetch():
    await asyncio.Event().wait()


async def picture():
    await asyncio.get_running_loop().run_in_executor(None, thumbnail)


async def page():
    async with asyncio.TaskGroup() as group:
        group.create_task(fetch(), name="fetch 1")
        group.create_task(fetch(), name="fetch 2")
        group.create_task(picture(), name="picture")


async def main():
    await asyncio.shield(asyncio.create_task(page(), name="page"))

asyncio.run(main())
