"""A port is free, and nobody else's, until the server that it is for listens on it."""

import subprocess
import sys

from playback.broker.ports import free_port, free_ports

ASKS = """
import secrets, sys
from playback.broker.ports import _LOWEST, free_port
drawn = iter([int(each) - _LOWEST for each in sys.argv[1:]])
secrets.randbelow = lambda _: next(drawn)
print(free_port())
"""


def test_no_port_is_given_twice() -> None:
    """Of 400 ports drawn by chance some would be the same."""
    ports = [*free_ports(200), *(free_port() for _ in range(200))]
    assert len(set(ports)) == 400


def test_no_port_is_given_to_another_process() -> None:
    taken = free_port()
    asked = [str(taken), *(str(15_000 + number) for number in range(50))]
    said = subprocess.run(
        [sys.executable, "-c", ASKS, *asked], capture_output=True, text=True, check=True
    )
    assert int(said.stdout) in set(map(int, asked)) - {taken}
