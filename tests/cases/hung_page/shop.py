# SPDX-License-Identifier: MIT
"""A WSGI application with one connection to a database that does not answer."""
import queue
import socket

POOL = queue.Queue()
DATABASE = socket.socket()
DATABASE.bind(("127.0.0.1", 0))
DATABASE.listen(8)
POOL.put(socket.create_connection(DATABASE.getsockname()))


def query(connection):
    return connection.recv(100)


def order():
    connection = POOL.get()
    try:
        return query(connection)
    finally:
        POOL.put(connection)


def app(environ, start_response):
    body = order()
    start_response("200 OK", [])
    return [body]
