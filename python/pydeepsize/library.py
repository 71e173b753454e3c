# SPDX-License-Identifier: MIT
"""Where the library, the program and the debuggers' scripts are: in this package, in the repository it lies in, or where
the Debian package has them."""
import importlib.util
import os
import sys
from types import ModuleType
from typing import List

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "data")
REPOSITORY = os.path.dirname(os.path.dirname(HERE))
# This is PREFIX/lib/python3/dist-packages/pydeepsize there.
PREFIX = os.path.dirname(os.path.dirname(REPOSITORY))


def find(name: str) -> str:
    """The path of a file of the wheel; in a checkout that of the build (PYDS_BUILD, ./build) or of the sources."""
    folders: List[str] = [DATA, os.environ.get("PYDS_BUILD") or os.path.join(REPOSITORY, "build")]
    folders += [os.path.join(REPOSITORY, one) for one in ("gdb", "lldb", os.path.join("helper", "bindings"))]
    folders += [os.path.join(PREFIX, one) for one in (os.path.join("share", "pydeepsize"), "lib", "bin")]
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    raise FileNotFoundError("%s is in none of %s: install the package, or build the project" % (name, ", ".join(folders)))


def library() -> str:
    """The path of libpydeepsize.so, which a wheel has under its SONAME."""
    try:
        return find("libpydeepsize.so.0")
    except FileNotFoundError:
        return find("libpydeepsize.so")


def bindings() -> ModuleType:
    """The interface in ctypes that the debuggers use, too."""
    name = "pydeepsize_bindings"
    if name not in sys.modules:
        os.environ.setdefault("PYDEEPSIZE_LIBRARY", library())
        specification = importlib.util.spec_from_file_location(name, find(name + ".py"))
        assert specification is not None and specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        sys.modules[name] = module
        specification.loader.exec_module(module)
    return sys.modules[name]
