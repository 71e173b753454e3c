# SPDX-License-Identifier: MIT
"""A process with mappings of many kinds side by side: arenas of pymalloc and malloc, blocks of their own pages, stacks,
a file, shared memory, memory without access, a hole within a mapping. Says READY; ends by SIGABRT, so that the kernel
dumps it, when its input ends."""
import ctypes
import mmap
import os
import tempfile
import threading

kept = [bytearray(600 + i % 3000) for i in range(3000)], [bytearray(n) for n in range(200000, 2000000, 300000)]
small = [str(i) for i in range(30000)]
done = threading.Event()
started = threading.Semaphore(0)


def thread():
    kept[0].append([bytearray(600 + i % 3000) for i in range(300)])
    started.release()
    done.wait()


for _ in range(3):
    threading.Thread(target=thread, daemon=True).start()
for _ in range(3):
    started.acquire()
file = tempfile.TemporaryFile()
file.truncate(1 << 20)
mappings = [mmap.mmap(-1, 1 << 20), mmap.mmap(file.fileno(), 1 << 20),
            mmap.mmap(-1, 1 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS),
            mmap.mmap(-1, 1 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)]
for one in mappings:
    one[:5] = b"words"
libc = ctypes.CDLL(None)


def address(mapping):
    return ctypes.addressof(ctypes.c_char.from_buffer(mapping))


libc.mprotect(ctypes.c_void_p(address(mappings[2])), ctypes.c_size_t(8192), 0)
libc.munmap(ctypes.c_void_p(address(mappings[3]) + 65536), ctypes.c_size_t(65536))
os.write(1, b"READY\n")
os.read(0, 1)
os.abort()
