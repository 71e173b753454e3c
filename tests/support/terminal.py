# SPDX-License-Identifier: MIT
"""A debugger on a pseudo terminal of its own, where keys can be pressed."""
import os
import select
import signal
import subprocess
import time

import cores


class Terminal(object):
    """Reads wait for text, never for time; a text that does not come is a failure."""

    def __init__(self, arguments, environment, prompt):
        import pty
        self.prompt = prompt
        self.name = os.path.basename(arguments[0])
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execvpe(arguments[0], arguments, environment)
        self.pending = b""

    def read_until(self, wanted, seconds=60):
        """Everything up to and with `wanted`, which may come in pieces."""
        deadline = time.monotonic() + seconds
        while wanted not in self.pending:
            ready = select.select([self.master], [], [], max(0, deadline - time.monotonic()))[0]
            if not ready:
                raise cores.Failed("%s did not say %r within %d s: %r"
                                   % (self.name, wanted, seconds, self.pending[-2000:]))
            try:
                self.pending += os.read(self.master, 65536)
            except OSError:
                raise cores.Failed("%s ended: %r" % (self.name, self.pending[-2000:]))
        end = self.pending.index(wanted) + len(wanted)
        text, self.pending = self.pending[:end], self.pending[end:]
        return text.decode("utf-8", "replace")

    def send(self, text):
        os.write(self.master, text.encode())

    def command(self, text, seconds=60):
        self.send(text + "\n")
        return self.read_until(self.prompt, seconds)

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.master)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


class Background(object):
    """A program that runs until the block ends."""

    def __init__(self, arguments):
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()
