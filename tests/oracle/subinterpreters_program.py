# SPDX-License-Identifier: MIT
"""A process with several interpreters, each of which writes down what it knows of its own objects: NUMBER of them
beside the main one. Two run in threads of their own and stand in a frame; the last one runs no code.

    subinterpreters_program.py FOLDER NUMBER

interpreter-ID.json: what tells() below returns. READY when all have written it."""
import json
import os
import sys
import threading

FOLDER, NUMBER = sys.argv[1], int(sys.argv[2])

TELLS = '''
import gc
import json
import os
import sys


class Held(object):
    def __init__(self, number):
        self.number = number
        self.text = "interpreter %d" % number


def sizes():
    found = {}
    for one in gc.get_objects():
        kind = type(one)
        found[id(one)] = (sys.getsizeof(one), kind.__module__ + "." + kind.__qualname__)
    found.pop(id(found), None)
    return found


def tells(path, number):
    gc.disable()
    gc.collect()
    first = sizes()
    second = sizes()
    tracked = []
    for address, row in first.items():
        if second.get(address) == row:
            tracked.append((address,) + row)
    referents = []
    for one in gc.get_objects():
        if id(one) in first and id(one) in second and second[id(one)] == first[id(one)]:
            found = []
            for other in gc.get_referents(one):
                found.append(id(other))
            referents.append((id(one), found))
    result = {"number": number, "tracked": tracked, "held": id(HELD), "modules": len(sys.modules),
              "int_dict": [id(int.__dict__["bit_length"]), id(int.__dict__["numerator"])],
              "subclasses": [id(one) for one in int.__subclasses__()], "referents": referents}
    text = json.dumps(result).encode()
    # open() would change what it has just told, the state of _io.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    while text:
        text = text[os.write(descriptor, text):]
    os.close(descriptor)
'''

STAND = '''
def stand(waiting, ready):
    local = ["local of interpreter %d" % NUMBER]
    os.write(ready, b"x")
    os.read(waiting, 1)
    return local

'''


def interface():
    """(create, run) of this version's low-level module."""
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            module = __import__(name)
        except ImportError:
            continue
        run = getattr(module, "run_string", None)
        create = module.create
        if sys.version_info >= (3, 13):
            def create():
                return module.create("isolated")
        return create, run
    raise SystemExit("this Python has no interface to interpreters")


def begin(number):
    return TELLS + STAND + "NUMBER = %d\nHELD = [Held(NUMBER) for _ in range(50 + NUMBER)]\n" % number


def tell_and_stand(identity, waiting, ready):
    text = "tells(%r, NUMBER)\n" % os.path.join(FOLDER, "interpreter-%d.json" % identity)
    return text + "stand(%d, %d)\n" % (waiting, ready)


def main():
    """All of them are made before the first one tells: static types are everybody's up to 3.11."""
    create, run = interface()
    waiting, never = os.pipe()
    done, ready = os.pipe()
    made = []
    for number in range(1, NUMBER + 1):
        made.append(create())
        run(made[-1], begin(number))
    names = globals()
    exec(TELLS, names)
    names["HELD"] = [names["Held"](0) for _ in range(50)]
    run(made[-1], "tells(%r, NUMBER)\n" % os.path.join(FOLDER, "interpreter-%d.json" % NUMBER))
    for identity in made[:-1]:
        text = tell_and_stand(identity, waiting, ready)
        threading.Thread(target=run, args=(identity, text), daemon=True).start()
        os.read(done, 1)
    names["tells"](os.path.join(FOLDER, "interpreter-0.json"), 0)
    print("READY", flush=True)
    sys.stdin.read()


main()
