"""Structured logs: one JSON object per line on stderr. Ids, counts and durations only: no message texts, names,
addresses, tokens or query strings. Give facts with ``extra={"facts": {...}}``."""

import json
import logging
import sys

from hub.clock import iso_utc


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": iso_utc(int(record.created * 1000)),
            "level": record.levelname.lower(),
            "room": record.name,
            "event": record.getMessage(),
        }
        line.update(getattr(record, "facts", {}))
        if record.exc_info and record.exc_info[0] is not None:
            # the place, not the message: exceptions of libraries may quote what a citizen wrote
            line["error"] = record.exc_info[0].__name__
            trace = record.exc_info[2]
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            if trace is not None:
                line["where"] = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        return json.dumps(line, ensure_ascii=False)


def set_up_logs(level: str = "INFO") -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # paths with query strings and chatty libraries stay out
    for name in ("aiohttp.access", "sanic", "rasa_sdk", "asyncio", "opentelemetry"):
        logging.getLogger(name).setLevel(logging.WARNING)
