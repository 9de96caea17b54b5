"""What happens in a run, told as it happens: lines of text or of JSON on stderr, for whoever asked for them."""

import json
import logging
from datetime import UTC, datetime

_log = logging.getLogger("scanner.run")


def tell_event(event: str, **facts: str | int | float) -> None:
    """Tell one event and what is known of it; costs nothing where nobody listens."""
    if _log.isEnabledFor(logging.INFO):
        _log.info(event, extra={"facts": facts})


def listen(as_json: bool) -> None:
    """Write events to stderr from now on."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if as_json else _Text())
    _log.handlers = [handler]
    _log.setLevel(logging.INFO)
    _log.propagate = False


class _Json(logging.Formatter):
    """One object a line: time, event, and the facts."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps({"time": _time(record), "event": record.getMessage(), **vars(record)["facts"]})


class _Text(logging.Formatter):
    """`time event fact=value fact="value of words"`."""

    def format(self, record: logging.LogRecord) -> str:
        facts = (f"{name}={_word(value)}" for name, value in vars(record)["facts"].items() if value != "")
        return " ".join([_time(record), record.getMessage(), *facts])


def _word(value: object) -> str:
    text = str(value)
    return text if text.isprintable() and not set(text) & set(' "=') else json.dumps(text)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
