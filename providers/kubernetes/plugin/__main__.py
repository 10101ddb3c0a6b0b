"""Serves the plugin: `python -m providers.kubernetes.plugin [ENGINE]`.

The port stands alone on the first line of stdout. ENGINE is the address of the engine that started this
process; without it, engines attach through PULUMI_DEBUG_PROVIDERS=kubernetes:PORT.
"""

import argparse
import os
import signal
import sys
import threading
from types import FrameType

_LOOK_SECONDS = 1.0


def main() -> None:
    """Serve until told to stop, or until the process that started this one is gone."""
    parser = argparse.ArgumentParser(prog="pulumi-resource-kubernetes", description=__doc__)
    parser.add_argument(
        "engine", nargs="?", default="", help="address of the engine that started this process"
    )
    parser.add_argument(
        "--port", type=int, default=0, help="port to serve on the loopback address; 0 chooses one"
    )
    parser.add_argument("--with-parent", action="store_true", help="stop when the starting process is gone")
    arguments, _ = parser.parse_known_args()
    parent = os.getppid() if arguments.engine or arguments.with_parent else None
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    # A keyboard's interrupt reaches the whole process group; the engine decides and then calls Cancel.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _serve(arguments.engine, arguments.port, parent, stopped)


def _serve(engine: str, port: int, parent: int | None, stopped: threading.Event) -> None:
    from providers.kubernetes.plugin import bare_pulumi

    bare_pulumi.register()
    from providers.kubernetes.plugin.server import serve
    from providers.kubernetes.plugin.sessions import Sessions

    server, port = serve(Sessions(engine=engine), f"127.0.0.1:{port}")
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    while not stopped.wait(_LOOK_SECONDS):
        if parent is not None and os.getppid() != parent:
            break
    server.stop(grace=None)
    # Calls that still wait for a cluster must not hold the process.
    os._exit(0)


if __name__ == "__main__":
    main()
