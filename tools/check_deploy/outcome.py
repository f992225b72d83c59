"""How a step ends, and the one way to run a program."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class Failed(Exception):
    """The subject is broken; the text says where."""


class Skipped(Exception):
    """This machine can't check it; the text says why, and what would be needed."""


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 600,
    check: bool = True,
) -> subprocess.CompletedProcess:
    """Run a program and return it with its output as text; raise `Failed` if it fails.

    `env` is added to this process's own.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{words[0]} took more than {timeout:.0f} s") from error
    if check and done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()
        shown = " ".join(words if len(words) < 12 else [*words[:12], "…"])
        raise Failed(f"{shown}: exit code {done.returncode}\n" + "\n".join(lines[-25:]))
    return done
