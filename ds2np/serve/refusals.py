"""Refusals in the form of OpenAI's interface: one sentence, its type, and an HTTP status."""

import json

from starlette.exceptions import HTTPException
from starlette.responses import Response

TYPES = {401: "authentication_error", 429: "rate_limit_error", 503: "server_overloaded"}


def refuse(status, message, parameter=None):
    """Return the response that refuses a request."""
    kind = TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    error = {"message": message, "type": kind, "param": parameter, "code": None}
    headers = {"Retry-After": "1"} if status == 503 else None
    text = json.dumps({"error": error}, ensure_ascii=False)
    return Response(text, status, headers, "application/json")


def refuse_http(request, error):
    """Turn Starlette's own refusals, such as 404, into ours."""
    if not isinstance(error, HTTPException):
        return refuse(500, "the server failed; its log says more")
    return refuse(error.status_code, str(error.detail))
