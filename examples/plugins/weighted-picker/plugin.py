"""Picks one of several names, each as often as its weight says and spread as evenly as can be: smooth weighted round robin.

Under the key is an object: how much each name has in hand. With each pick every name gets its weight, and the one that has
most then pays the sum of all weights.
"""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.operation_plugin import (
    Description,
    PluginError_Conflict,
    PluginError_InvalidInput,
    PluginError_Rejected,
)
from wit_world.imports import kv
from wit_world.imports.types import (
    Condition,
    Expiry_Keep,
    GetOperation,
    Operation_Get,
    Operation_Set,
    Reason_KeyNotFound,
    SetOperation,
)

INPUT = {
    "type": "object",
    "properties": {
        "key": {"type": "string", "minLength": 1, "description": "Where the turns are kept."},
        "weights": {
            "type": "object",
            "description": "How often each name is picked, as a share of all.",
            "minProperties": 1,
            "maxProperties": 1000,
            "additionalProperties": {"type": "integer", "minimum": 0, "maximum": 1000000},
        },
    },
    "required": ["key", "weights"],
    "additionalProperties": False,
}

OUTPUT = {
    "type": "object",
    "properties": {"picked": {"type": "string"}},
    "required": ["picked"],
    "additionalProperties": False,
}


class OperationPlugin(exports.OperationPlugin):
    def describe(self) -> Description:
        return Description(
            name="weighted-picker",
            version="1.0.0",
            documentation="Picks one of the names in `weights`, each as often as its weight says, evenly spread.",
            input_schema=json.dumps(INPUT),
            output_schema=json.dumps(OUTPUT),
            writes=True,
        )

    def invoke(self, input: str) -> str:
        wanted = json.loads(input)
        key = wanted["key"]
        # A name with the weight 0 is never picked.
        weights = {name: weight for name, weight in wanted["weights"].items() if weight > 0}
        if not weights:
            raise Err(PluginError_InvalidInput("one weight at least must be above 0"))
        before = in_hand(key)
        # Names that are new begin with nothing; what others had that are gone is forgotten.
        after = {name: before.get(name, 0) + weight for name, weight in weights.items()}
        picked = max(after, key=lambda name: after[name])
        after[picked] -= sum(weights.values())
        execute(Operation_Set(SetOperation(key, json.dumps(after), Condition.ALWAYS, Expiry_Keep())))
        return json.dumps({"picked": picked})


def in_hand(key: str) -> dict[str, int]:
    """How much each name has; nothing if the key is not there."""
    try:
        [outcome] = kv.execute([Operation_Get(GetOperation(key, None))])
    except Err as error:
        if isinstance(error.value.reason, Reason_KeyNotFound):
            return {}
        raise Err(PluginError_Rejected(error.value))
    turns = json.loads(outcome.value.value)
    if not isinstance(turns, dict) or not all(type(turn) is int for turn in turns.values()):
        raise Err(PluginError_Conflict(f"the value of {key!r} is not an object of whole numbers"))
    return turns


def execute(*operations) -> None:
    try:
        kv.execute(list(operations))
    except Err as error:
        raise Err(PluginError_Rejected(error.value))
