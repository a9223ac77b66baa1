"""A daemon that ends because it lost something has no longer for that than one that is told to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable

from gitferry.config.paths import state_dir
from gitferry.tests.daemon.test_process import answers, entry, settings, until
from gitferry.tests.repo import Repo

HANGING = """
import sys, threading
from functools import partial
from gitferry.daemon import process, watching
process.StopLimit = partial(process.StopLimit, 0.2)
watching.Watching.close = lambda self: threading.Event().wait()
sys.exit(process.main())
"""


def test_what_hangs_is_left_where_the_state_directory_was_removed(clone: Callable[..., Repo]) -> None:
    settings(entry(clone()))
    with subprocess.Popen([sys.executable, "-c", HANGING], stderr=subprocess.PIPE, text=True) as daemon:
        try:
            until(lambda: answers() or daemon.poll() is not None, 20)
            shutil.rmtree(state_dir(os.environ))
            _, said = daemon.communicate(timeout=20)
        finally:
            daemon.kill()
    assert daemon.returncode == 1
    assert "start it again" in said and "is cut short" in said
