"""A score inside somebody else's sandbox, which refuses calls that a plain machine allows."""

import os
import platform
import struct
import subprocess
import sys

import pytest

# What Codex's sandbox refuses where the network is off, as measured: x86_64 numbers of connect,
# accept, sendto, shutdown, bind, listen, getsockname, getpeername, setsockopt, getsockopt, ptrace,
# recvmmsg, sendmmsg. `sendmsg`, `recvfrom` and `write` pass.
REFUSED = (42, 43, 44, 48, 49, 50, 51, 52, 54, 55, 101, 299, 307)
ERRNO, ALLOW = 0x00050001, 0x7FFF0000  # EPERM


def codex_like() -> bytes:
    """A seccomp program that refuses these calls."""
    n = len(REFUSED)
    steps = [(0x20, 0, 0, 0)]  # load the call's number
    steps += [(0x15, n - i, 0, number) for i, number in enumerate(REFUSED)]
    return b"".join(struct.pack("=HBBI", *s) for s in [*steps, (6, 0, 0, ALLOW), (6, 0, 0, ERRNO)])


@pytest.mark.heavy
@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="numbers of x86_64"
)
def test_a_score_where_sending_on_sockets_is_refused(repo):
    code = (
        "import socket, sys\n"
        "from harness.sealing import seal\n"
        f"seal.restrict_calls(bytes.fromhex({codex_like().hex()!r}))\n"
        "a, b = socket.socketpair()\n"
        "try: a.send(b'x'); sys.exit('the filter does not hold')\n"
        "except PermissionError: pass\n"
        "from harness.cli import main\n"
        "sys.exit(main(['evaluate', 'train.py']))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(repo)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=repo, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "status: ok" in done.stdout
