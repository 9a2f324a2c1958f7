"""What schemathesis cannot take from the OpenAPI document alone."""

import itertools
import re
import uuid

import schemathesis

VALID_IDEMPOTENCY_KEY = re.compile(r'(?:[!#-~][!-~]{0,254}|"[!-~]{1,255}")\Z')

# A valid request may be refused for what the state holds: by these codes, and by those of the statuses 404 and 409.
FOR_THE_STATE = {
    400: {"type_mismatch", "not_a_lease", "operation_failed", "invalid_path"},
    412: {"precondition_failed"},
}

# Or for what OpenAPI cannot say of parameters: that one excludes another, or which cursors there are.
FOR_ITS_PARAMETERS = {
    "PUT": "Cannot use both nx and xx|cannot be used together",
    "GET": "query.cursor: is not one that this state gave for this prefix",
}


TAGS = r'(?:W/)?"[!#-~]*"(?: *, *(?:W/)?"[!#-~]*")*'

# What a condition may be. A write takes `If-None-Match: *` only.
CONDITIONS = {
    "if-match": re.compile(rf"(?:\*|{TAGS})\Z"),
    "if-none-match": re.compile(r"\*\Z"),
    "if_version": re.compile(r"[+-]?[0-9]+(?:[.]0+)?\Z"),
    "if_key_version": re.compile(r"[+]?[0-9]+(?:[.]0+)?\Z"),
}

calls = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Takes the conditions from most requests: few would hold, so hardly any request would get any further, and what is
    wrong with one would not be seen. Gives each request an `Idempotency-Key` of its own, since it names one request, and
    schemathesis would send the same few with all of them. What is wrong with either stays."""
    if next(calls) % 4:
        for container in (case.headers, case.query):
            for name, value in list((container or {}).items()):
                condition = CONDITIONS.get(name.lower())
                if condition and condition.match(str(value)):
                    del container[name]
    for name, value in list((case.headers or {}).items()):
        if name.lower() == "idempotency-key" and VALID_IDEMPOTENCY_KEY.match(str(value)):
            case.headers[name] = str(uuid.uuid4())


@schemathesis.check
def refused_for_a_reason(context, response, case):
    """Narrows what `expected-statuses` lets through: a valid request is never refused for its shape."""
    if not is_valid(case) or response.status_code not in (400, 412, 422):
        return
    body = response.json()
    if body["error"] in FOR_THE_STATE.get(response.status_code, ()):
        return
    if body["error"] == "missing_authorization":
        return
    reason = FOR_ITS_PARAMETERS.get(case.method)
    assert reason and re.search(reason, body["message"]), f"a valid request was refused: {body}"


def is_valid(case):
    return case.meta is not None and case.meta.generation.mode.is_positive
