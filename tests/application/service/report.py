# SPDX-License-Identifier: MIT
"""The monthly report: a thread reads all orders, sends their sum to the printer and waits for its answer."""
from sqlalchemy import select

from app import models


def render(month, printer):
    with models.engine.connect() as connection:
        rows = connection.execute(select(models.Order.id, models.Order.article, models.Order.cents)).all()
    total = sum(row.cents for row in rows)
    printer.sendall(b"report of %s: %d\n" % (month.encode(), total))
    answer = printer.recv(1)
    return len(rows), answer
