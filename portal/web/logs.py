"""Logs for programs: one JSON object a line. They name the person and the request, never content, paths or tokens."""

from __future__ import annotations

import datetime
import json
import logging
import sys
import traceback
from typing import Any, Final, TextIO

LOGGER: Final = logging.getLogger("portal")
_FIELDS: Final = "fields"
_USUAL: Final = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"})
"""What every record has; the rest was given on purpose (`extra`)."""


class Lines(logging.Formatter):
    """Writes a record as one line of JSON. Of an exception it tells the kind and the places, not its words."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"at": at, "level": record.levelname.lower(), "what": record.getMessage()}
        line.update({name: value for name, value in vars(record).items() if name not in _USUAL})
        line.update(line.pop(_FIELDS, {}))
        if record.exc_info and record.exc_info[1]:
            line["fault"] = _fault(record.exc_info[1])
        return json.dumps(line, ensure_ascii=True, default=str)


def _fault(error: BaseException) -> dict[str, Any]:
    # An exception's words may quote what was sent; the way to it never does.
    frames = traceback.extract_tb(error.__traceback__)
    found: dict[str, Any] = {
        "kind": f"{type(error).__module__}.{type(error).__qualname__}",
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]],
    }
    if cause := error.__cause__ or error.__context__:
        found["because"] = type(cause).__qualname__
    return found


def log(
    what: str, level: int = logging.INFO, fault: BaseException | None = None, /, **fields: object
) -> None:
    """Write one line."""
    LOGGER.log(level, "%s", what, extra={_FIELDS: fields}, exc_info=fault)


def set_up(level: str, stream: TextIO | None = None) -> None:
    """Send everything that this process logs, from whichever library, through one handler to stderr."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    LOGGER.setLevel(level.upper())
