"""Starts Rasa (``serve.py run …``, ``serve.py train …``) quietly, privately, and never longer than its parent."""

import ctypes
import logging
import os
import signal
import sys
import warnings
from pathlib import Path

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """The kernel ends this process when the hub ends, however that happens."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    parent = os.environ.get("HUB_PARENT_PID")
    if parent and os.getppid() != int(parent):
        sys.exit(f"the hub (process {parent}) has ended")


def main() -> None:
    die_with_parent()
    os.environ.update(
        RASA_TELEMETRY_ENABLED="false", SQLALCHEMY_SILENCE_UBER_WARNING="1", TF_CPP_MIN_LOG_LEVEL="3"
    )
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    # not this folder: its modules are imported as bot.rasa, and beside them bot.text
    sys.path[0] = str(Path(__file__).resolve().parents[2])

    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whoever started this prints results on its own stdout

    # libraries complain of each other at every start, TensorFlow of parts that were left out on purpose
    warnings.showwarning = lambda *_, **__: None
    logging.disable(logging.WARNING)
    import rasa.__main__

    from bot.rasa import patches

    logging.disable(logging.NOTSET)

    patches.apply()
    rasa.__main__.main()


if __name__ == "__main__":
    main()
