"""What a run prints is in the UI's files, and no process more was started for it."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import os, sys, psutil
from kalshi_assets.runtime.compute_logs import FileComputeLogManager

manager = FileComputeLogManager(sys.argv[1])
with manager.capture_logs(["a run", "compute_logs", "a step"]):
    print("told")
    os.system("echo told by another")
    sys.stderr.write("gone wrong")
    assert psutil.Process().children() == []
print("behind")
data = manager.get_log_data(["a run", "compute_logs", "a step"])
assert data.stdout == b"told\\ntold by another\\n", data.stdout
assert data.stderr == b"gone wrong", data.stderr
assert manager.is_capture_complete(["a run", "compute_logs", "a step"])
"""


def test_what_is_printed_is_kept_and_the_console_comes_back(tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603  the program is above
        [sys.executable, "-u", "-c", PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "behind\n"), done.stderr
