# SPDX-License-Identifier: MIT
"""A process whose malloc has all that a process meets: usage `memory_program.py FOLDER WORKLOAD`. Writes what malloc
and pymalloc say of themselves into FOLDER in a way that takes no memory, says READY and waits for a byte; then it calls
malloc_trim(0), writes how much smaller it became, and says READY again."""
import ctypes
import io
import os
import random
import sys
import threading

FOLDER, WORKLOAD = sys.argv[1:3]
libc = ctypes.CDLL(None)
NAMES = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
HAS_2 = hasattr(libc, "mallinfo2")  # 2.33


class MallInfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t if HAS_2 else ctypes.c_int) for name in NAMES]


ask = libc.mallinfo2 if HAS_2 else libc.mallinfo
ask.restype = MallInfo
random.seed(5)
keep, done = [], threading.Event()
started = threading.Semaphore(0)


def blocks(count, smallest, largest):
    made = [os.urandom(random.randint(smallest, largest)) for _ in range(count)]
    for i in range(count):
        if i % 10:
            made[i] = None
    return made


def thread(count):
    keep.append(blocks(count, 600, 9000))
    keep.append([bytearray(300000) for _ in range(20)])
    keep.append([object() for _ in range(20000)])
    started.release()
    done.wait()


if WORKLOAD == "threads":
    for _ in range(3):
        threading.Thread(target=thread, args=(2000,), daemon=True).start()
    for _ in range(3):
        started.acquire()
    keep.append(blocks(20000, 600, 9000))
elif WORKLOAD == "large":
    keep.append(blocks(300, 100000, 3000000))
    keep.append([bytearray(n) for n in range(130000, 4000000, 200000)])
    for one in keep[-1]:
        one.extend(bytes(len(one)))
else:
    keep.append([str(n) * 3 for n in range(200000)])
    del keep[0][::3]
    keep.append(blocks(50000, 513, 700))

statm = os.open("/proc/self/statm", os.O_RDONLY)
out = os.open(os.path.join(FOLDER, "malloc"), os.O_CREAT | os.O_WRONLY)
trimmed = os.open(os.path.join(FOLDER, "trimmed"), os.O_CREAT | os.O_WRONLY)


def rss():
    os.lseek(statm, 0, 0)
    return int(os.read(statm, 100).split()[1]) * 4096


rss()
wait = io.FileIO(0, closefd=False).readinto  # takes no memory for what it reads
byte = bytearray(1)
table = os.open(os.path.join(FOLDER, "pymalloc"), os.O_CREAT | os.O_WRONLY)
os.dup2(table, 2)
rounds = 3  # what the first needs is there from the second on
while rounds:
    rounds -= 1
    os.lseek(out, 0, 0)
    os.write(out, ask())
    os.ftruncate(table, 0)
    os.lseek(table, 0, 0)
    sys._debugmallocstats()
os.write(1, b"READY\n")
wait(byte)
before = rss()
libc.malloc_trim(0)
os.write(trimmed, b"%d" % (before - rss()))
os.write(1, b"READY\n")
os.read(0, 1)
done.set()
