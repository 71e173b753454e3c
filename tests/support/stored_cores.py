# SPDX-License-Identifier: MIT
"""The cores kept under corefiles/, unpacked for a test: the core, what belongs to it as a sysroot, and its truth."""
import collections
import os
import re
import shutil
import subprocess
import sys

import cores
import program
from truth import Truth

FOLDER = os.path.join(program.ROOT, "corefiles")
sys.path.insert(0, FOLDER)

import make  # noqa: E402

Row = collections.namedtuple("Row", "name version")


def rows():
    return [Row(row["name"], [int(part) for part in re.findall(r"\d+", row["version"])[:3]])
            for row in make.read_manifest()]


def unpack(name, folder):
    """(None, path of the core, its sysroot, its truth), under `folder`."""
    if shutil.which("zstd") is None:
        raise cores.Skipped("no zstd to unpack with")
    stem, sysroot, core = os.path.join(FOLDER, name), os.path.join(folder, "sysroot"), os.path.join(folder, "core")
    os.makedirs(sysroot)
    archive = subprocess.run(["zstd", "-dcq", stem + ".files.tar.zst"], stdout=subprocess.PIPE, check=True).stdout
    subprocess.run(["tar", "-x", "-C", sysroot], input=archive, check=True)
    subprocess.run(["zstd", "-dqf", stem + ".core.zst", "-o", core], check=True)
    return None, core, sysroot, Truth(stem + ".truth.zst")
