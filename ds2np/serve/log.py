"""The log: one JSON object a line."""

import json
import logging
import sys

EXTRA = "path", "status", "seconds"


class JsonLines(logging.Formatter):
    """A JSON object a line: time, level, message, and what belongs to it."""

    def format(self, record):
        """Write a record."""
        fields = {"time": self.formatTime(record), "level": record.levelname.lower()}
        fields["message"] = record.getMessage()
        fields |= {name: getattr(record, name) for name in EXTRA if hasattr(record, name)}
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


def log_to_stderr():
    """Send all log records, as JSON lines, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
