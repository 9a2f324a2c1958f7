"""Drives `automation-kv mcp` with the protocol's own Python library, and prints a transcript.

python tests/mcp_client.py BINARY [--read-only]
"""

import asyncio
import json
import os
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main(binary, *arguments):
    settings = {name: os.environ[name] for name in ("AUTOMATION_API_URL", "AUTOMATION_KV_TOKEN")}
    parameters = StdioServerParameters(command=binary, args=["mcp", *arguments], env=settings)
    async with stdio_client(parameters) as streams, ClientSession(*streams) as session:
        await session.initialize()
        tools = (await session.list_tools()).tools
        print("tools", json.dumps([tool.name for tool in tools]))
        for tool in tools:
            assert tool.description and tool.input_schema["type"] == "object", tool
            assert tool.input_schema["additionalProperties"] is False, tool
            assert tool.annotations.read_only_hint == ("dry_run" not in tool.input_schema["properties"]), tool
        for line in sys.stdin:
            call = json.loads(line)
            try:
                result = await session.call_tool(call["tool"], call["arguments"])
            except Exception as error:
                print("refused", json.dumps(str(error)))
                continue
            print("error" if result.is_error else "ok", json.dumps(result.structured_content))


asyncio.run(main(*sys.argv[1:]))
