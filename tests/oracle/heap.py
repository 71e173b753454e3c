# SPDX-License-Identifier: MIT
"""The oracle: a process that knows its own heap. It builds objects, writes down for each of them what the interpreter
says (id, type, sys.getsizeof, gc.get_referents) and what the policies of `deepsize` give, then stops to be dumped.

    python heap.py TRUTH [--bulk N] [--abort] [--asizeof] [--tiny] [--library] [--foreign]

TRUTH gets one record a line, fields separated by tabs, ids in hexadecimal:
    python   version  implementation of the build
    object   id  getsizeof  type  id of a referent ...
    root     name  id
    deep     name  policy  bytes
    changed  id                 not the same at the second look: to be left out
    end      number of objects
Then READY is printed, and the process waits for its standard input to end; with --abort it aborts (a kernel core).

Recording must not change what it records. So a forked child does it: at the same addresses, in a copy of the memory.
The fork is the bare system call, as os.fork() would tidy up threads and locks. Still nothing reads obj.__dict__ (that
makes the dict of an instance), and all is computed twice and compared. Syntax and library of Python 3.8."""
import builtins
import collections
import ctypes
import datetime
import gc
import os
import sys
import types
import zlib

# --tiny: no large subjects (subjects.py asks sys.argv); --library: record the modules of the library as well.
FLAGS = ("abort", "asizeof", "tiny", "library", "foreign")
BOUNDARY_TYPES = (type, types.ModuleType, types.CodeType)


def running_frames():
    frames, frame = [], sys._getframe()
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames


def boundaries(library):
    """ids of what the recording does not enter, and does not write down: its own machinery."""
    closed = {id(frame) for frame in running_frames()}
    closed.add(id(sys.modules))
    closed.add(id(sys.__dict__))
    closed.add(id(sys.modules["__main__"].__dict__))
    closed.add(id(gc.callbacks))
    if not library:
        for name, module in list(sys.modules.items()):
            if not name.startswith(("subjects", "bulk")):
                closed.add(id(getattr(module, "__dict__", None)))
    return closed


def reachable(root, closed):
    """ids, in the order they were found. Not the objects: a reference of ours would change what BytesIO, which asks how
    many hold its buffer, says of its size."""
    order, seen, queue = [], set(closed), collections.deque([root])
    seen.add(id(root))
    while queue:
        found = queue.popleft()
        order.append(id(found))
        for referent in gc.get_referents(found):
            if id(referent) not in seen:
                seen.add(id(referent))
                queue.append(referent)
    return order


def object_at(address):
    return ctypes.cast(address, ctypes.py_object).value


TYPE_MODULE = type.__dict__["__module__"].__get__
TYPE_QUALNAME = type.__dict__["__qualname__"].__get__


def type_name(kind):
    try:
        module, name = TYPE_MODULE(kind), TYPE_QUALNAME(kind)
    except AttributeError:
        return "?"
    if not isinstance(module, str):
        return "?"
    return name if module == "builtins" else module + "." + name


def record(subject):
    return "%x\t%d\t%s%s\n" % (id(subject), sys.getsizeof(subject), type_name(type(subject)),
                               "".join(["\t%x" % id(referent) for referent in gc.get_referents(subject)]))


def write_objects(out, order):
    checks = []
    for address in order:
        line = record(object_at(address)).encode("utf-8", "backslashreplace")
        checks.append(zlib.crc32(line))
        out.write(b"object\t" + line)
    return checks


def write_changed(out, order, checks):
    changed = 0
    for address, check in zip(order, checks):
        if zlib.crc32(record(object_at(address)).encode("utf-8", "backslashreplace")) != check:
            out.write(b"changed\t%x\n" % address)
            changed += 1
    return changed


def globals_of(function):
    """What the policies `gc` and `data` do not follow from a function or a frame."""
    if isinstance(function, types.FunctionType):
        return (function.__globals__, getattr(function, "__builtins__", function.__globals__))
    if isinstance(function, types.FrameType):
        return (function.f_globals, function.f_builtins)
    return ()


def gc_followed(subject, is_root):
    if isinstance(subject, BOUNDARY_TYPES) and not is_root:
        return ()
    excluded = globals_of(subject)
    return [referent for referent in gc.get_referents(subject)
            if not isinstance(referent, BOUNDARY_TYPES) and not any(referent is one for one in excluded)]


MADE_LENGTHS = []
MADE_DICTS = set()  # instances whose dict was made: with inline values (3.13) their traverse skips it


def hidden_of(subject):
    """References that the type's tp_traverse does not visit and that Python code can reach (exact types, mostly)."""
    kind = type(subject)
    if "subjects_foreign" in sys.modules and kind.__module__ != "builtins":
        return sys.modules["subjects_foreign"].hidden_of(subject)
    if isinstance(subject, dict):
        return list(dict.keys(subject))  # dict_traverse skips keys that are all text
    if kind is range:
        length = max(0, -((subject.start - subject.stop) // subject.step))
        MADE_LENGTHS.append(length)  # as large as the range's own, which no code can reach; kept, so that its id is
        return [subject.start, subject.stop, subject.step, length]
    if kind in (datetime.datetime, datetime.time) and subject.tzinfo is not None:
        return [subject.tzinfo]
    if kind is datetime.timezone:
        return list(subject.__getinitargs__())
    if id(subject) in MADE_DICTS:
        return [subject.__dict__]
    return ()


def data_followed(subject, is_root):
    return list(gc_followed(subject, is_root)) + list(hidden_of(subject))


def containers_followed(subject, is_root):
    if isinstance(subject, dict):
        return list(dict.keys(subject)) + list(dict.values(subject))
    for kind in (list, tuple, set, frozenset):
        if isinstance(subject, kind):
            return list(kind.__iter__(subject))
    return ()


def deep(root, followed):
    seen, stack, total = {id(root)}, [root], 0
    while stack:
        subject = stack.pop()
        total += sys.getsizeof(subject)
        for referent in followed(subject, subject is root):
            if id(referent) not in seen:
                seen.add(id(referent))
                stack.append(referent)
    return total


# Deep sizes under `data` are asked of these only: all their hidden references are in hidden_of().
DATA_EXCLUDED = {"function", "function with a dict", "property", "class made by type()", "module", "enum member",
                 "dataclass"}


def write_roots(out, everything, subjects_module):
    made = everything["subjects"]
    for name, subject in sorted(made.items()):
        out.write(b"root\t%s\t%x\n" % (name.encode(), id(subject)))
    out.write(b"root\tbulk\t%x\n" % id(everything["bulk"]))
    for name in subjects_module.DEEP_ROOTS + ["bulk"]:
        subject = made[name] if name in made else everything[name]
        policies = [("gc", gc_followed), ("containers", containers_followed)]
        if name not in DATA_EXCLUDED:
            policies.append(("data", data_followed))
        for policy, followed in policies:
            out.write(b"deep\t%s\t%s\t%d\n" % (name.encode(), policy.encode(), deep(subject, followed)))


def write_asizeof(out, everything, subjects_module):
    """Last: pympler makes the __dict__ of the instances that it looks at."""
    from pympler import asizeof
    made = everything["subjects"]
    for name in subjects_module.ASIZEOF_ROOTS + ["bulk"]:
        subject = made[name] if name in made else everything[name]
        out.write(b"deep\t%s\tasizeof\t%d\n" % (name.encode(), asizeof.asizeof(subject)))


def write_truth(options, everything, subjects_module):
    out = open(options.truth, "wb", 1 << 20)
    out.write(b"python\t%s\t%s\n" % (sys.version.split()[0].encode(), getattr(sys, "abiflags", "").encode()))
    order = reachable(everything, boundaries(options.library))
    checks = write_objects(out, order)
    changed = write_changed(out, order, checks)
    count = len(order)
    del order, checks
    write_roots(out, everything, subjects_module)
    if options.asizeof:
        write_asizeof(out, everything, subjects_module)
    out.write(b"end\t%d\n" % count)
    out.close()
    os.write(2, b"%d objects, %d changed\n" % (count, changed))


def record_in_child(options, everything, subjects_module):
    for _ in range(2000):  # up to 3.10 code that ran 1024 times gets a cache, which only the child's would have
        object_at(id(None))
    child = ctypes.PyDLL(None).fork()  # PyDLL: the interpreter's lock stays with this thread, in both
    if child == 0:
        status = 1
        try:
            write_truth(options, everything, subjects_module)
            status = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            os._exit(status)
    if os.waitpid(child, 0)[1] != 0:
        os._exit(1)


def clear_free_memory():
    """A dump has what was in memory before it was freed, and a small one is to be small: all free blocks of the
    allocators are taken once, for bytes that are 0, and given back."""
    for kind in (bytes, bytearray):  # free-threaded builds keep objects and their buffers apart
        for size in range(0, 512, 16):
            kept = [kind(size) for _ in range(4000)]
        for power in range(72, 140):  # four size classes for each power of two, up to 128 KiB
            kept = [kind(int(2 ** (power / 8)) - 70) for _ in range(10)]
        del kept
    ctypes.CDLL(None).malloc_trim(0)


def parse(arguments):
    """As in the first lines. Not by argparse: with what it imports it would be a fifth of a small heap."""
    options = types.SimpleNamespace(truth=None, bulk=4000)
    for name in FLAGS:
        setattr(options, name, "--" + name in arguments)
    words = iter(arguments)
    for word in words:
        if word == "--bulk":
            options.bulk = int(next(words))
        elif word[:2] != "--" and options.truth is None:
            options.truth = word
        elif word[2:] not in FLAGS:
            sys.exit("heap.py: what is %s?" % word)
    if options.truth is None:
        sys.exit("heap.py: no TRUTH")
    return options


def main():
    options = parse(sys.argv[1:])
    if options.tiny:
        # Half of a heap would be the tables of OpenSSL's bindings; the library does without.
        sys.modules["ssl"] = sys.modules["_ssl"] = sys.modules["_hashlib"] = None
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import bulk
    subjects = __import__("subjects_foreign" if options.foreign else "subjects")
    everything = {"subjects": subjects.build(), "bulk": bulk.make(options.bulk)}
    if options.foreign:
        # Some libraries say their sizes in Python, which fills caches: so that the recording does not.
        found = [object_at(address) for address in reachable(everything, boundaries(False))]
        for subject in found * 2:
            sys.getsizeof(subject)
        del found, subject
    gc.collect()
    gc.disable()
    builtins._pydeepsize_oracle = everything  # by this name the tests reach it
    if options.tiny:
        clear_free_memory()
    MADE_DICTS.update(subjects.MADE_DICTS + bulk.MADE_DICTS)
    record_in_child(options, everything, subjects)
    os.write(1, b"READY\n")
    if options.abort:
        os.abort()
    while os.read(0, 4096):
        pass
    os._exit(0)


main()
