# SPDX-License-Identifier: MIT
"""Classes as torch makes its tensors' (torch/csrc/tensor/python_tensor.cpp): structs of a program in C whose metatype
is one too, with tp_basicsize of the plain PyTypeObject, not of the heap type that `type` says. Prints "READY ADDRESS
METATYPE" of one. Layout of PyTypeObject: Include/cpython/object.h, the same from 3.8 to 3.15 up to tp_base."""
import ctypes
import os
import sys

HEAD = object.__basicsize__
BYTES = 512  # more than the struct of any version
NAME, BASICSIZE, FLAGS, BASE = (HEAD + 8 + 8 * number for number in (0, 1, 18, 29))
DEFAULT = 1 << 18 | 1 << 10  # Py_TPFLAGS_HAVE_VERSION_TAG, BASETYPE
STRUCT = (424 if sys.version_info >= (3, 15) else 416) + HEAD - 16
memory = []


def make(metatype, name, size, base):
    block = ctypes.create_string_buffer(BYTES)
    label = ctypes.create_string_buffer(name)
    memory.extend([block, label])
    at = ctypes.addressof(block)
    at += -at % 16
    ctypes.memmove(at, ctypes.string_at(id(dict), HEAD), HEAD)  # the count of an object that stays
    ctypes.c_size_t.from_address(at + HEAD - 8).value = metatype
    for offset, word in ((NAME, ctypes.addressof(label)), (BASICSIZE, size), (FLAGS, DEFAULT), (BASE, id(base))):
        ctypes.c_size_t.from_address(at + offset).value = word
    ready = ctypes.pythonapi.PyType_Ready
    ready.argtypes = [ctypes.c_void_p]
    if ready(at) != 0:
        raise SystemExit("PyType_Ready failed")
    return at


meta = make(id(type), b"tensors.tensortype", STRUCT, type)
classes = [make(meta, b"tensors.Tensor%d" % number, HEAD, object) for number in range(38)]
held = [ctypes.cast(at, ctypes.py_object).value for at in classes]
sys.stdout.write("READY %x %x\n" % (classes[0], meta))
sys.stdout.flush()
os.read(0, 1)
