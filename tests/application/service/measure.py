# SPDX-License-Identifier: MIT
"""What the worker knows about itself, asked after it was dumped: addresses, reference counts, and which objects would
go if one went. Each function here is one line of the worker's input, and returns what json.dumps() takes."""
import array
import collections
import ctypes
import gc
import os
import sys
import tempfile
import types

from app import cache, errors, models


def subjects():
    session = cache.SESSIONS["s:7"]
    # Not by way of its frame: f_locals would become one more holder of every local.
    rows = [one for one in gc.get_objects() if type(one) is list and len(one) > 1000 and
            type(one[0]).__name__ == "Row"][0]
    traceback = errors.RECENT[0].__traceback__
    while traceback.tb_frame.f_code.co_name != "parse":
        traceback = traceback.tb_next
    articles = [one for one in gc.get_referents(traceback.tb_frame) if type(one) is list and type(one[0]) is list][0]
    document = [one for one in gc.get_referents(traceback.tb_frame) if type(one) is str and len(one) > 100000][0]
    return {
        "sessions": cache.SESSIONS, "session": session, "customer": session.customer, "payload": session.payload,
        "cart": session.payload["cart"], "page": session.payload["page"], "visited": session.visited, "rows": rows,
        "row": rows[10], "error": errors.RECENT[0], "frame": traceback.tb_frame, "articles": articles,
        "document": document,
        "recent": errors.RECENT, "engine": models.engine,
    }


def addresses():
    return {name: id(one) for name, one in subjects().items()}


def references():
    """Reference counts without those of this function: subjects()'s dict, its items, `one` and the argument."""
    return {name: sys.getrefcount(one) - 3 for name, one in list(subjects().items())}


STAYS = (type, types.ModuleType, types.FunctionType)


def referents(one):
    """gc.get_referents() leaves out the keys of a dict that has only str keys."""
    found = gc.get_referents(one)
    if type(one) is dict and len(found) == len(one):
        found.extend(one)
    return found


def goes_with(root):
    """All objects that would be freed if `root` went. An object stays if it has more references than those from objects
    that are reached from root, or if an object that stays refers to it. Classes, modules and functions stay, and the
    names of attributes, which dicts of instances do not count: they share them with their class."""
    reached, seen, counts = [root], {id(root)}, collections.Counter()
    for one in reached:
        for other in () if isinstance(one, STAYS) else referents(one):
            counts[id(other)] += 1
            if id(other) not in seen:
                seen.add(id(other))
                reached.append(other)
    one = other = None
    # An object here has three references more: from `reached`, from `one` and from the argument of getrefcount().
    stays = [one for one in reached if one is not root and
             (isinstance(one, STAYS) or sys.getrefcount(one) - 3 != counts[id(one)])]
    kept = {id(one) for one in stays}
    for one in stays:
        for other in () if isinstance(one, STAYS) else referents(one):
            if id(other) not in kept and other is not root:
                kept.add(id(other))
                stays.append(other)
    return [one for one in reached if id(one) not in kept]


def retained():
    """Of some subjects: how many objects would go with it, and their sys.getsizeof()."""
    answer = {}
    for name in ("sessions", "session", "customer", "payload", "visited", "rows", "row", "recent", "articles"):
        gone = goes_with(subjects()[name])
        answer[name] = {"count": len(gone), "shallow": sum(map(sys.getsizeof, gone))}
        del gone  # else it would count as a holder of the next subject's objects
    return answer


class Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")]


mallinfo = ctypes.CDLL(None).mallinfo2
mallinfo.restype = Mallinfo


def allocated():
    """Bytes that pymalloc and malloc have given out. pymalloc says it only on stderr, in a table of its classes."""
    with tempfile.TemporaryFile() as file:
        saved = os.dup(2)
        os.dup2(file.fileno(), 2)
        sys._debugmallocstats()
        os.dup2(saved, 2)
        os.close(saved)
        file.seek(0)
        lines = file.read().decode().splitlines()
    info = mallinfo()
    total = 0
    for line in lines:  # class, size, pools, blocks in use, blocks available
        columns = line.split()
        if len(columns) == 5 and all(map(str.isdigit, columns)):
            total += int(columns[1]) * int(columns[3])
    return total + info.uordblks + info.hblkhd


def forget():
    """Logs everybody out, the way a restart would; says how many bytes the allocators got back, and whose."""
    gone = array.array("Q", [id(one) for one in goes_with(cache.SESSIONS) if one is not cache.SESSIONS])
    gc.collect()
    before = allocated()
    cache.SESSIONS.clear()
    gc.collect()
    return {"freed": before - allocated(), "ids": gone.tolist()}
