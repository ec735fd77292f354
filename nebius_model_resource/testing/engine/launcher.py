"""Runs a Pulumi program in a process of its own, as a language host does; started by its path.

Reads one JSON document from the environment variable below, and imports nothing from this package: the program must
not see this folder on its path. Exit status 32: the engine's log has the error already. Other statuses are those of
Pulumi's own language host.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

ORDER = "NEBIUS_TESTING_ENGINE_ORDER"
REPORTED = 32


def _status(code: object) -> int:
    """The exit status of a `sys.exit` with that argument, which is printed if it is a text."""
    if code is None or isinstance(code, int):
        return int(code or 0) & 0xFF
    print(code, file=sys.stderr)
    return 1


def main() -> int:
    """Run the program to its end; returns the process's exit status.

    What Python itself handles, such as a `KeyboardInterrupt`, is left to it.
    """
    order = json.loads(os.environ.pop(ORDER))
    sys.path[:] = [entry for entry in sys.path if entry != str(os.path.dirname(os.path.abspath(__file__)))]  # noqa: PTH100, PTH120
    import pulumi
    import pulumi.runtime
    from pulumi.runtime.stack import run_in_stack

    pulumi.runtime.set_all_config(order["config"], order["secret_keys"])
    pulumi.runtime.configure(pulumi.runtime.Settings(**order["settings"]))
    sys.argv = [order["program"]]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # Each registration blocks a thread until its step is done; the language host gives four to each parallel step.
    executor = ThreadPoolExecutor(max_workers=order["settings"]["parallel"] * 4)
    loop.set_default_executor(executor)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)

    async def program() -> None:
        runpy.run_path(order["program"], run_name="__main__")

    try:
        loop.run_until_complete(run_in_stack(program))
    except pulumi.RunError as fault:
        pulumi.log.error(str(fault))
        return 1
    except SystemExit as fault:
        return _status(fault.code)
    except Exception:  # noqa: BLE001 - the user reads whatever the program raises
        pulumi.log.error("Program failed with an unhandled exception:\n" + traceback.format_exc())
        return REPORTED
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    status = main()
    # Do not wait for threads that an aborted program left behind.
    os._exit(status)
