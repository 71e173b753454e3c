# SPDX-License-Identifier: MIT
"""Makes the small cores of this folder, their truth, and their lines in manifest.toml (README.md says why and how they
stay small).

    python3 corefiles/make.py              every interpreter found (tests/support/interpreters.py)
    python3 corefiles/make.py 3.8 3.12     only those whose version starts so
"""
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.join(os.path.dirname(HERE), "tests")
sys.path.insert(0, os.path.join(TESTS, "support"))

import cores  # noqa: E402
import interpreters  # noqa: E402

import pruned_core  # noqa: E402

MOST_BYTES = 2 << 20
OTHER_ORIGINS = ("pyenv", "source", "given")  # the others are Debian's packages
# -OO and compiled files keep documentation and the compiler's garbage out of the heap; -s -S this machine's packages.
PYTHON_OPTIONS = ["-s", "-S", "-OO", "-W", "ignore"]
HEAP_OPTIONS = ["--tiny", "--bulk", "20"]
# Private memory that was written to and ELF headers (the build-id); the zero pages in it cost nothing when compressed.
COREDUMP_FILTER = "0x31"


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def compress(path, target):
    subprocess.run(["zstd", "-q", "-f", "--ultra", "-22", "--long=27", path, "-o", target], check=True)
    return os.path.getsize(target)


def build_id(path):
    output = subprocess.run(["readelf", "-n", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
    found = re.search(r"Build ID: ([0-9a-f]+)", output)
    return found.group(1) if found else ""


def python_file(files, pid):
    """The ELF file that has the interpreter's code: libpython where there is one, else the program."""
    shared = sorted(path for path in files if re.search(r"/libpython3\.\d+[a-z]*\.so", path))
    return shared[0] if shared else os.path.realpath("/proc/%d/exe" % pid)


def dump(interpreter, folder):
    """Runs heap.py twice: the first time compiles, so that the second one's heap has no trace of a compiler. The
    environment is in the core, so there is next to none."""
    truth = os.path.join(folder, "truth")
    shutil.copytree(os.path.join(TESTS, "oracle"), os.path.join(folder, "oracle"))
    arguments = PYTHON_OPTIONS + [os.path.join(folder, "oracle", "heap.py"), truth] + HEAP_OPTIONS
    environment = {"PYTHONHASHSEED": "0", "PYTHONPYCACHEPREFIX": os.path.join(folder, "compiled"),
                   "MALLOC_PERTURB_": "255"}  # what glibc's malloc frees is overwritten
    subprocess.run([interpreter.path] + arguments, env=environment, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    with cores.Target(interpreter.path, arguments, folder, environment, inherit=False) as target:
        target.wait_ready()
        with open("/proc/%d/coredump_filter" % target.pid, "w") as file:
            file.write(COREDUMP_FILTER)
        core = cores.gcore(target.pid, os.path.join(folder, "core"))
        files = pruned_core.mapped_files(target.pid)
        elf = python_file(files, target.pid)
    private = [os.path.expanduser("~/.pyenv"), os.path.expanduser("~")]
    private = [prefix for prefix in private if len(prefix) > 4]
    pruned_core.drop_files(core)
    pruned_core.rename_in_file(core, private)
    pruned_core.write_files(files, private, os.path.join(folder, "files.tar"))
    return core, truth, elf


def make(interpreter):
    folder = cores.scratch("make")
    try:
        core, truth, elf = dump(interpreter, folder)
        name = interpreter.name.rsplit("-", 1)[0] + ("" if interpreter.origin in OTHER_ORIGINS else "-debian")
        stem = os.path.join(HERE, name)
        original = os.path.getsize(core)
        kept = {"core": compress(core, stem + ".core.zst"), "truth": compress(truth, stem + ".truth.zst"),
                "files": compress(os.path.join(folder, "files.tar"), stem + ".files.tar.zst")}
        if kept["core"] > MOST_BYTES:
            raise SystemExit("%s: %d bytes compressed, %d at most" % (name, kept["core"], MOST_BYTES))
        with open(truth, "rb") as file:
            objects = sum(1 for line in file if line.startswith(b"object\t"))
        row = [("name", name), ("version", interpreter.text), ("debug", interpreter.debug),
               ("machine", platform.machine()), ("interpreter", interpreter.origin),
               ("elf", os.path.basename(elf)), ("build_id", build_id(elf)),
               ("made", "gcore, coredump_filter %s, python %s, heap.py %s"
                % (COREDUMP_FILTER, " ".join(PYTHON_OPTIONS), " ".join(HEAP_OPTIONS))),
               ("objects", objects), ("core_bytes", original), ("compressed_bytes", kept["core"]),
               ("core_sha256", digest(stem + ".core.zst")), ("truth_sha256", digest(stem + ".truth.zst")),
               ("files_sha256", digest(stem + ".files.tar.zst"))]
        print("%s: %d bytes, compressed %d, truth %d, files %d, %d objects"
              % (name, original, kept["core"], kept["truth"], kept["files"], objects))
        return row
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else '"%s"' % value


def manifest_path():
    return os.path.join(HERE, "manifest.toml")


def read_manifest():
    """[[core]] tables of plain keys; the standard library reads TOML from 3.11 on only."""
    rows = []
    if os.path.exists(manifest_path()):
        with open(manifest_path()) as file:
            for line in file:
                if line.strip() == "[[core]]":
                    rows.append({})
                elif "=" in line and not line.startswith("#"):
                    name, _, value = line.partition("=")
                    value = value.strip()
                    rows[-1][name.strip()] = value[1:-1] if value.startswith('"') else \
                        value == "true" if value in ("true", "false") else int(value)
    return rows


def write_manifest(rows):
    with open(manifest_path(), "w") as file:
        file.write("# The cores of this folder; written by make.py. README.md says what each key is.\n")
        for row in sorted(rows, key=lambda row: [int(part) if part.isdigit() else 0
                                                 for part in re.split(r"\D+", row["version"])] + [row["name"]]):
            file.write("\n[[core]]\n")
            for name, value in row.items():
                file.write("%s = %s\n" % (name, toml(value)))


def main():
    wanted = sys.argv[1:]
    rows = {row["name"]: row for row in read_manifest()}
    for interpreter in interpreters.find():
        if not wanted or any(interpreter.text.startswith(prefix) for prefix in wanted):
            row = dict(make(interpreter))
            rows[row["name"]] = row
            write_manifest(rows.values())


if __name__ == "__main__":
    main()
