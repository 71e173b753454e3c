# SPDX-License-Identifier: MIT
"""The hello world of a web framework, after one request, idle: nothing is wrong with it.

    hello_program.py fastapi|django
"""
import os
import sys


def fastapi():
    import asyncio
    from fastapi import FastAPI
    application = FastAPI()

    @application.get("/")
    async def root():
        return {"message": "Hello World"}

    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    async def ask():
        await application({"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
                           "path": "/", "raw_path": b"/", "query_string": b"", "headers": [], "scheme": "http",
                           "root_path": "", "client": ("test", 1), "server": ("test", 80)}, receive, send)
        os.write(1, b"READY %d\n" % sent[0]["status"])
        sys.stdin.read()
    asyncio.run(ask())


def django():
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import path
    settings.configure(DEBUG=False, SECRET_KEY="none", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"],
                       INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
                                       "django.contrib.sessions", "django.contrib.messages"],
                       MIDDLEWARE=["django.middleware.common.CommonMiddleware"])
    globals()["urlpatterns"] = [path("", lambda request: HttpResponse("Hello, world"))]
    application, status = get_wsgi_application(), []
    application({"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_NAME": "test", "SERVER_PORT": "80",
                 "wsgi.input": sys.stdin.buffer, "wsgi.url_scheme": "http"}, lambda line, headers: status.append(line))
    os.write(1, b"READY %s\n" % status[0].encode())
    sys.stdin.read()


{"fastapi": fastapi, "django": django}[sys.argv[1]]()
