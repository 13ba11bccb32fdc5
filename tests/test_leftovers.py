"""What the tests' own guard sees: it would be no guard if it saw nothing."""

from __future__ import annotations

import socket
import subprocess
import sys

from tests.leftovers import running

MARK = "TEST_OF_LEFTOVERS=yes"


def test_a_child_process_and_a_listening_port_are_seen() -> None:
    """And are gone once they are stopped."""
    before = running(MARK)
    with socket.create_server(("127.0.0.1", 0)) as server:
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        now = running(MARK)
        port: int = server.getsockname()[1]
        assert now.ports - before.ports == {port}
        assert [name.split()[0] for name in now.processes - before.processes] == [str(child.pid)]
        child.communicate()
    assert running(MARK) == before


def test_an_orphan_is_known_by_the_mark() -> None:
    """A grandchild whose parent is gone still carries the environment."""
    script = "import subprocess as s; print(s.Popen(['sleep', '30'], stdout=s.DEVNULL, stderr=s.DEVNULL).pid)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env={"TEST_OF_LEFTOVERS": "yes", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    pid = int(done.stdout)
    try:
        assert any(name.split()[0] == str(pid) for name in running(MARK).processes)
    finally:
        subprocess.run(["kill", str(pid)], check=True)
