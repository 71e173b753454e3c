# SPDX-License-Identifier: MIT
"""What heap.py wrote down, and its comparison with what the program says."""
import collections
import gzip
import lzma
import subprocess

import exceptions_declared

Known = collections.namedtuple("Known", "size type referents")


class Truth(object):
    def __init__(self, path):
        self.objects, self.roots, self.deep, self.changed = {}, {}, [], set()
        self.version = self.flags = ""
        count = None
        with open_text(path) as file:
            for line in file:
                fields = line.rstrip("\n").split("\t")
                kind = fields[0]
                if kind == "object":
                    self.objects[int(fields[1], 16)] = Known(int(fields[2]), fields[3], fields[4:])
                elif kind == "root":
                    self.roots[fields[1]] = int(fields[2], 16)
                elif kind == "deep":
                    self.deep.append((fields[1], fields[2], int(fields[3])))
                elif kind == "changed":
                    self.changed.add(int(fields[1], 16))
                elif kind == "python":
                    self.version, self.flags = fields[1], fields[2]
                elif kind == "end":
                    count = int(fields[1])
        if count != len(self.objects):
            raise ValueError("%s is cut off: %s of %s objects" % (path, len(self.objects), count))
        for address in self.changed:
            self.objects.pop(address, None)

    @property
    def python(self):
        return tuple(int(part) for part in self.version.split("+")[0].split(".")[:2])


def open_text(path):
    if path.endswith(".zst"):
        done = subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True)
        return iter_text(done.stdout)
    opener = {"gz": gzip.open, "xz": lzma.open}.get(path.rsplit(".", 1)[-1], open)
    return opener(path, "rt", encoding="utf-8", errors="backslashreplace", newline="\n")


def iter_text(content):
    import io
    return io.StringIO(content.decode("utf-8", "backslashreplace"), newline="\n")


class Differences(object):
    """Grouped by type, a few examples each, so that one wrong rule reads as one line and not as ten thousand."""

    def __init__(self, python):
        self.python = python
        self.groups = collections.defaultdict(list)
        self.counts = collections.Counter()
        self.excused = collections.Counter()
        self.compared = 0
        self.approximate = set()

    def add(self, what, kind, address, text, approximate=False, unreadable=False, unnamed=False):
        reason = exceptions_declared.reason(what, kind, self.python, approximate, unreadable, unnamed)
        if reason:
            self.excused[what, kind, reason] += 1
            return
        self.counts[what, kind] += 1
        if len(self.groups[what, kind]) < 3:
            self.groups[what, kind].append("0x%x %s" % (address, text))

    def text(self):
        lines = ["%d of %d objects differ" % (sum(self.counts.values()), self.compared)]
        for (what, kind), count in self.counts.most_common(60):
            lines.append("%6d x %s of %s" % (count, what, kind))
            lines.extend("           " + example for example in self.groups[what, kind])
        return "\n".join(lines)

    def summary(self):
        excused = ["%d x %s of %s: %s" % (count, what, kind, reason)
                   for (what, kind, reason), count in self.excused.most_common()]
        return "\n".join(["%d objects compared, %d excused" % (self.compared, sum(self.excused.values()))] + excused)


def compare_sizes(truth, answers):
    differences = Differences(truth.python)
    for address, answer in answers:
        known = truth.objects[address]
        differences.compared += 1
        approximate = bool(answer.get("approximate"))
        unnamed = str(answer.get("type")).startswith("<type 0x")
        if approximate:
            differences.approximate.add(address)
        if answer.get("shallow") != known.size:
            differences.add("size", known.type, address, "sys.getsizeof says %d, we say %s%s"
                            % (known.size, answer.get("shallow"), " (approximate)" if approximate else ""), approximate,
                            bool(answer.get("unreadable")))
        elif approximate:
            differences.add("approximate flag", known.type, address, "the size %d is right" % known.size, True,
                            unnamed=unnamed)
        if known.type != "?" and answer.get("type") != known.type:
            differences.add("type", known.type, address, "we say %s" % answer.get("type"), unnamed=unnamed)
        if "allocated" in answer and (answer["allocated"] or 0) < 0:
            differences.add("allocated", known.type, address, str(answer["allocated"]))
    return differences


def compare_referents(truth, answers, approximate=()):
    """approximate: addresses of objects that `sizeof` said it does not know well (compare_sizes().approximate)."""
    differences = Differences(truth.python)
    for address, answer in answers:
        known = truth.objects[address]
        differences.compared += 1
        ours = {int(one["address"], 16) for one in answer["referents"] if not one.get("hidden")}
        theirs = {int(one, 16) for one in known.referents}
        if ours == theirs:
            continue
        missing = ["0x%x (%s)" % (one, truth.objects[one].type if one in truth.objects else "?")
                   for one in sorted(theirs - ours)]
        labels = {int(one["address"], 16): one for one in answer["referents"]}
        extra = ["0x%x (%s %s)" % (one, labels[one].get("type"), labels[one].get("label"))
                 for one in sorted(ours - theirs)]
        what = "missing referents" if missing and not extra else "extra referents" if extra and not missing \
            else "differing referents"
        differences.add(what, known.type, address, "missing %d %s; extra %d %s"
                        % (len(missing), ", ".join(missing[:3]), len(extra), ", ".join(extra[:3])),
                        address in approximate)
    return differences
