# SPDX-License-Identifier: MIT
"""What ctest runs: pytest over one folder. Exit status 77 (skipped, says why) where pytest is not installed; a folder
in which no test was found is a failure."""
import sys

try:
    import pytest
except ImportError:
    print("skipped: %s has no pytest (README.md: the second command installs it)" % sys.executable)
    sys.exit(77)

sys.exit(pytest.main(["-q", "-rs", "--color=no", "-p", "no:cacheprovider"] + sys.argv[1:]))
