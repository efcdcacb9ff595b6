"""What `tests.upstream` says: the frames and bodies of one reply, in both protocols."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

CHINESE = "流式输出，🙂👩‍👩‍👧 **重点：**然后继续。"
Json = dict[str, Any]


class Script:
    def __init__(
        self, body: Json, words: dict[str, str], flags: set[str], first: int
    ) -> None:
        self.model = body["model"]
        self.words, self.flags, self.first = words, flags, first
        asked = body.get("input", body)["messages"][-1]["role"]
        tools = body.get("parameters", body).get("tools") or []
        self.calls = [] if asked == "tool" else list(self.called(tools))
        usual = len(CHINESE) if "zh" in flags else 0 if self.calls else 5
        self.count = int(words.get("n", usual))
        self.pace = float(words.get("pace", "0"))
        self.reasoning = ["Let ", "me."] if flags & {"think", "reason"} else []
        self.reasoning_name = "reasoning" if "reason" in flags else "reasoning_content"
        if "junk" in flags:
            self.reasoning = ["junk"]

    def called(self, tools: list[Json]) -> Iterator[Json]:
        """The pieces of the calls: what is called, then the arguments in parts."""
        for place in range(int(self.words.get("tools", 0)) if tools else 0):
            name = tools[place % len(tools)]["function"]["name"]
            head = {"index": 0 if "same" in self.flags else place, "type": "function"}
            named = {} if "noid" in self.flags else {"id": f"call_{place}"}
            if "object" in self.flags:
                function = {"name": name, "arguments": {"n": place}}
                yield {**head, **named, "function": function}
                continue
            for number, part in enumerate(["", '{"n"', f": {place}", "}"]):
                function = (
                    {"name": name} if "repeat" in self.flags or not number else {}
                )
                again = named if "repeat" in self.flags or not number else {}
                yield {**head, **again, "function": {**function, "arguments": part}}

    def token(self, index: int) -> str:
        if "zh" in self.flags:
            return CHINESE[index % len(CHINESE)]
        return f"{' ' if index else ''}t{index}"

    def usage(self, said: int) -> Json:
        # As a tokenizer has it: a partial answer is part of the prompt.
        prompt = 7 + self.first
        return {
            "prompt_tokens": prompt,
            "completion_tokens": said,
            "total_tokens": prompt + said,
        }

    def chunk(
        self, delta: Json, index: int | None = None, reason: str | None = None
    ) -> str:
        if delta.get(self.reasoning_name) == "junk":
            return "data: {not json\n\n"
        if "endless" in self.flags:
            return "data: " + "x" * 600_000
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        said: Json = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": self.model,
            "choices": [choice],
        }
        if "usage" in self.flags and index is not None:
            said["usage"] = self.usage(index + 1 - self.first)
        if reason in ("stop", "tool_calls") and "nodone" in self.flags:
            said["usage"] = self.usage(self.count - self.first)
        return f"data: {json.dumps(said)}\n\n"

    def tail(self) -> str:
        calls = self.calls and "saysstop" not in self.flags
        end = self.chunk({}, reason="tool_calls" if calls else "stop")
        if "nodone" in self.flags:
            return end
        usage = {"choices": [], "usage": self.usage(self.count - self.first)}
        last = "" if "bare" in self.flags else f"data: {json.dumps(usage)}\n\n"
        return f"{end}{last}data: [DONE]\n\n"

    def completion(self) -> Json:
        text = "".join(map(self.token, range(self.count)))
        message: Json = {"role": "assistant", "content": text}
        if self.calls:
            message["tool_calls"] = list(self.calls)
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"choices": [choice], "usage": self.usage(self.count)}

    def result(
        self, index: int, text: str, reason: str, calls: list[Json] | None = None
    ) -> str:
        message: Json = {"role": "assistant", "content": text}
        if calls:
            message["tool_calls"] = calls
        output = {"choices": [{"message": message, "finish_reason": reason}]}
        said = min(index + 1, self.count)
        usage = {"input_tokens": 7, "output_tokens": said, "total_tokens": 7 + said}
        data = json.dumps({"output": output, "usage": usage, "request_id": "r"})
        return f"id:{index + 1}\nevent:result\n:HTTP_STATUS/200\ndata:{data}\n\n"
