# SPDX-License-Identifier: MIT
"""Every debugger there is; one core for the tests of the prompt and of completion."""
import os

import pytest

import cores
import gdb_session
import lldb_session
import program

DEBUGGERS = (gdb_session,) + lldb_session.find()


@pytest.fixture(scope="module", params=DEBUGGERS, ids=[debugger.NAME for debugger in DEBUGGERS])
def debugger(request):
    why = request.param.missing()
    if why:
        pytest.skip(why)
    return request.param


@pytest.fixture(scope="session")
def shop(distribution, tmp_path_factory):
    """A core; the address of __main__.SESSIONS."""
    folder = str(tmp_path_factory.mktemp("prompt"))
    path = os.path.join(program.ROOT, "tests", "export", "shop_program.py")
    with cores.Target(distribution.path, [path, "200"], folder) as target:
        address = int(target.wait_ready().split()[1])
        core = cores.gcore(target.pid, os.path.join(folder, "core"))
    yield core, address
    os.unlink(core)
