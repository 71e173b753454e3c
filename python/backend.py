# SPDX-License-Identifier: MIT
"""The build backend of the package (PEP 517): builds the library and the program with CMake and packs them with the
files of pydeepsize/ and the debuggers' scripts. Needs what the project's README names to build, nothing from PyPI."""
import base64
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
# In the repository this file lies in python/; in an sdist the sources lie beside it.
ROOT = HERE if os.path.isdir(os.path.join(HERE, "helper")) else os.path.dirname(HERE)
SOURCES = ["CMakeLists.txt", "LICENSE", "helper", "cli", "gdb", "lldb"]
SONAME = "libpydeepsize.so.0"
SCRIPTS = ["gdb/pydeepsize_gdb.py", "lldb/pydeepsize_lldb.py", "lldb/pydeepsize_elf.py",
           "helper/bindings/pydeepsize_bindings.py", "helper/bindings/pydeepsize_commands.py"]


def version():
    with open(os.path.join(ROOT, "CMakeLists.txt"), encoding="utf-8") as file:
        return re.search(r"project\(pydeepsize VERSION (\S+)", file.read()).group(1)


def section(name):
    """The lines of one table of pyproject.toml: Python 3.9 has no reader for it."""
    with open(os.path.join(HERE, "pyproject.toml"), encoding="utf-8") as file:
        return re.search(r"^\[%s\]\n(.*?)(?=^\[|\Z)" % re.escape(name), file.read(), re.M | re.S).group(1)


def metadata():
    project = section("project")

    def text(key):
        return re.search(r'^%s = "(.*)"$' % re.escape(key), project, re.M).group(1)
    lines = ["Metadata-Version: 2.1", "Name: pydeepsize", "Version: " + version(), "Summary: " + text("description"),
             "License: MIT", "Requires-Python: " + text("requires-python"), "Description-Content-Type: text/markdown"]
    lines += ["Classifier: " + one for one in re.findall(r'^  "(.*)",$', project, re.M)]
    for extra, packages in re.findall(r"^(\w+) = \[(.*)\]$", section("project.optional-dependencies"), re.M):
        lines.append("Provides-Extra: " + extra)
        lines += ['Requires-Dist: %s; extra == "%s"' % (one, extra) for one in re.findall(r'"([^"]+)"', packages)]
    with open(os.path.join(HERE, "README.md"), encoding="utf-8") as file:
        return "\n".join(lines) + "\n\n" + file.read()


def entry_points():
    return "[console_scripts]\n" + section("project.scripts").replace('"', "").strip() + "\n"


def compile_all(folder, compiled=None):
    """The library and the program, stripped; the library is found beside whoever needs it. compiled: a build that has
    them already."""
    if compiled is not None:
        for name in ("libpydeepsize.so", "pydeepsize"):
            shutil.copy2(os.path.realpath(os.path.join(compiled, name)), os.path.join(folder, name))
    else:
        subprocess.run(["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
                        "-DPYDS_DEVELOPER=OFF", "-DBUILD_TESTING=OFF",
                        # Else CMake keeps room for another path behind ours, as an empty one: the working directory.
                        "-DCMAKE_SKIP_INSTALL_RPATH=ON"], check=True)
        subprocess.run(["ninja", "-C", folder, "libpydeepsize.so", "pydeepsize"], check=True)
    for name in ("libpydeepsize.so", "pydeepsize"):
        path = os.path.join(folder, name)
        if os.path.islink(path):
            real = os.path.realpath(path)
            os.unlink(path)
            shutil.copy2(real, path)
        subprocess.run(["strip", "--strip-unneeded", path], check=True)
    return [os.path.join(folder, name) for name in ("libpydeepsize.so", "pydeepsize")]


class Wheel(object):
    def __init__(self, path):
        self.file = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        self.record = []
        self.info = "pydeepsize-%s.dist-info" % version()

    def add(self, name, data, executable=False):
        entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = (0o100755 if executable else 0o100644) << 16
        self.file.writestr(entry, data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        self.record.append("%s,sha256=%s,%d" % (name, digest, len(data)))

    def add_file(self, name, path, executable=False):
        with open(path, "rb") as file:
            self.add(name, file.read(), executable)

    def close(self, tag):
        for name, text in (("METADATA", metadata()), ("entry_points.txt", entry_points()),
                           ("WHEEL", "Wheel-Version: 1.0\nGenerator: pydeepsize\nRoot-Is-Purelib: false\nTag: %s\n" % tag)):
            self.add(self.info + "/" + name, text.encode())
        self.record.append(self.info + "/RECORD,,")
        self.file.writestr(self.info + "/RECORD", "\n".join(self.record) + "\n")
        self.file.close()


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """config_settings: {"compiled": FOLDER} takes library and program of a finished build, as the tests do."""
    tag = "py3-none-linux_x86_64"
    name = "pydeepsize-%s-%s.whl" % (version(), tag)
    with tempfile.TemporaryDirectory(prefix="pydeepsize-wheel-") as folder:
        library, program = compile_all(folder, (config_settings or {}).get("compiled"))
        wheel = Wheel(os.path.join(wheel_directory, name))
        for one in sorted(os.listdir(os.path.join(HERE, "pydeepsize"))):
            if one.endswith((".py", ".typed")):
                wheel.add_file("pydeepsize/" + one, os.path.join(HERE, "pydeepsize", one))
        for script in SCRIPTS:
            wheel.add_file("pydeepsize/data/" + os.path.basename(script), os.path.join(ROOT, script))
        # By its SONAME, which is what the program asks for.
        wheel.add_file("pydeepsize/data/" + SONAME, library, executable=True)
        wheel.add_file("pydeepsize/data/pydeepsize", program, executable=True)
        wheel.close(tag)
    return name


def build_sdist(sdist_directory, config_settings=None):
    base = "pydeepsize-" + version()
    name = base + ".tar.gz"
    with tarfile.open(os.path.join(sdist_directory, name), "w:gz", format=tarfile.PAX_FORMAT) as archive:
        def wanted(info):
            return None if re.search(r"__pycache__|\.pyc$", info.name) else info
        for one in SOURCES:
            archive.add(os.path.join(ROOT, one), base + "/" + one, filter=wanted)
        for one in ("pyproject.toml", "backend.py", "README.md", "pydeepsize"):
            archive.add(os.path.join(HERE, one), base + "/" + one, filter=wanted)
        info = tarfile.TarInfo(base + "/PKG-INFO")
        data = metadata().encode()
        info.size = len(data)
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.seek(0)
            archive.addfile(info, file)
    return name
