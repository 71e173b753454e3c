# SPDX-License-Identifier: MIT
"""The processes that tests of live targets look at: hung.py MODE [FOLDER]. Each builds ROOT, gets into a state, has
said READY by then or says it when it is about to (the test waits for the state itself), and ends with its input."""
import ctypes
import gc
import os
import sys
import threading
import time


class Node(object):
    def __init__(self, number):
        self.number = number
        self.text = "node %d" % number
        self.next = None


class Slotted(object):
    __slots__ = ("a", "b")

    def __init__(self, number):
        self.a, self.b = number * 1000, (number, str(number))


def build(count):
    nodes = [Node(i) for i in range(count)]
    for left, right in zip(nodes, nodes[1:]):
        left.next = right
    return {"nodes": nodes, "slotted": [Slotted(i) for i in range(count)], "text": "t" * 1000,
            "map": {i: [float(i)] * 3 for i in range(count)}, "set": set(range(count)), "bytes": bytearray(100000)}


def ready():
    os.write(1, b"READY %d %x\n" % (os.getpid(), id(ROOT)))


def wait_input():
    while os.read(0, 1):
        pass
    os._exit(0)


def idle(_folder):
    ready()
    wait_input()


def lock(_folder):
    """Two locks taken in opposite order."""
    first, second = threading.Lock(), threading.Lock()
    both = threading.Barrier(2)

    def other():
        with second:
            both.wait()
            with first:
                pass

    threading.Thread(target=other, daemon=True).start()
    with first:
        both.wait()
        ready()
        with second:
            pass


def extension(_folder):
    """In C code that keeps the GIL, another thread waiting for it."""
    threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()
    ready()
    ctypes.PyDLL(None).pause()


def foreign(_folder):
    """In C code without the GIL, while another thread computes."""
    threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()
    ready()
    ctypes.CDLL(None).pause()


def sleep(_folder):
    ready()
    time.sleep(1000000)


class Blocker(object):
    def __init__(self):
        self.me = self

    def __del__(self):
        ready()
        ctypes.CDLL(None).pause()


def finalizer(_folder):
    """A collection runs a __del__ that does not return."""
    gc.collect()
    blocker = Blocker()
    del blocker
    gc.collect()


def callback(_folder):
    def call(phase, _information):
        if phase == "start":
            ready()
            ctypes.CDLL(None).pause()
    gc.callbacks.append(call)
    gc.collect()


def vfork(folder):
    """A thread in uninterruptible sleep: its child by vfork waits for somebody to write into a FIFO. The main thread
    waits for the GIL, which posix_spawn() keeps."""
    fifo = os.path.join(folder, "fifo")
    os.mkfifo(fifo)
    ready()

    def spawn():
        os.posix_spawn("/bin/true", ["true"], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 9, fifo, os.O_RDONLY, 0)])

    threading.Thread(target=spawn, daemon=True).start()
    wait_input()


def leader(_folder):
    """The main thread has ended, another one lives on."""
    def live_on():
        ready()
        wait_input()

    threading.Thread(target=live_on).start()
    ctypes.CDLL(None).syscall(60, 0)  # exit(): of this thread only; x86-64


def big(_folder):
    """A heap of 1.2 GiB, of blocks that malloc does not map one by one."""
    ROOT["big"] = [bytearray(b"x") * 65536 for _ in range(20000)]
    ready()
    wait_input()


def sparse(_folder):
    """A reservation of 100 GiB of which one page is used."""
    import mmap
    ROOT["sparse"] = mmap.mmap(-1, 100 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)
    ROOT["sparse"][12345] = 7
    ready()
    wait_input()


gc.disable()
ROOT = build(int(os.environ.get("HUNG_COUNT", "3000")))
sys.modules["__main__"].ROOT = ROOT
globals()[sys.argv[1]](sys.argv[2] if len(sys.argv) > 2 else None)
