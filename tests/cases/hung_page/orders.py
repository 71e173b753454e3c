# SPDX-License-Identifier: MIT
"""An ASGI application in which one request has the lock of the stock and never gives it back."""
import asyncio

from fastapi import FastAPI

STOCK = asyncio.Lock()
app = FastAPI()


async def reserve():
    async with STOCK:
        await asyncio.sleep(3600)


@app.get("/")
async def order():
    await reserve()
