# SPDX-License-Identifier: MIT
"""A task of celery that waits for an answer that never comes; its broker is a folder."""
import os
import socket

from celery import Celery

FOLDER = os.path.join(os.getcwd(), "queue")
os.makedirs(FOLDER, exist_ok=True)
app = Celery("jobs", broker="filesystem://", broker_transport_options={
    "data_folder_in": FOLDER, "data_folder_out": FOLDER, "control_folder": FOLDER})


def measure(picture):
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    connection = socket.create_connection(server.getsockname())
    return connection.recv(10)


@app.task
def resize(picture):
    return measure(picture)
