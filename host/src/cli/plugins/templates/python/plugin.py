"""A plugin of Automation KV: counts visits, up to a number."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.operation_plugin import Description, PluginError_Conflict, PluginError_Rejected
from wit_world.imports import kv
from wit_world.imports.types import CountOperation, Operation_Increment

INPUT = {
    "type": "object",
    "properties": {
        "key": {"type": "string", "minLength": 1},
        "most": {"type": "integer", "minimum": 1},
    },
    "required": ["key"],
    "additionalProperties": False,
}

OUTPUT = {
    "type": "object",
    "properties": {"visits": {"type": "integer"}, "is_last": {"type": "boolean"}},
    "required": ["visits", "is_last"],
    "additionalProperties": False,
}


class OperationPlugin(exports.OperationPlugin):
    def describe(self) -> Description:
        return Description(
            name="{{name}}",
            version="0.1.0",
            documentation="Counts visits, up to a number.",
            input_schema=json.dumps(INPUT),
            output_schema=json.dumps(OUTPUT),
            writes=True,
        )

    def invoke(self, input: str) -> str:
        wanted = json.loads(input)
        most = wanted.get("most", 10)
        visits = increment(wanted["key"])
        if visits > most:
            # Undoes the increment.
            raise Err(PluginError_Conflict(f"there were {most} visits already"))
        return json.dumps({"visits": visits, "is_last": visits == most})


def increment(key: str) -> int:
    try:
        [outcome] = kv.execute([Operation_Increment(CountOperation(key, "1"))])
    except Err as error:
        raise Err(PluginError_Rejected(error.value))
    return int(outcome.value)
