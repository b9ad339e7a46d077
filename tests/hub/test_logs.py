import io
import json
import logging

from hub.logs import JsonFormatter


def logged(write) -> dict:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("test.logs")
    logger.handlers, logger.propagate = [handler], False
    write(logger)
    return json.loads(stream.getvalue())


def test_a_line_is_one_json_object_with_its_facts() -> None:
    line = logged(lambda log: log.warning("bot failed", extra={"facts": {"conversation": "c_1", "n": 2}}))
    assert (line["level"], line["room"], line["event"]) == ("warning", "test.logs", "bot failed")
    assert (line["conversation"], line["n"]) == ("c_1", 2)
    assert line["at"].endswith("Z")


def test_an_exception_is_logged_by_type_and_place_never_by_its_text() -> None:
    def write(log: logging.Logger) -> None:
        try:
            int("Nhà tôi ở số 12, gọi 0900 000 123")
        except ValueError:
            log.exception("parser failed")

    line = logged(write)
    assert line["error"] == "ValueError"
    assert "test_logs.py" in line["where"]
    assert "0900" not in json.dumps(line)
