"""Text generation with DashScope's own client: `pip install dashscope`."""

import os

import dashscope

dashscope.base_http_api_url = os.environ["CHATSITE_URL"] + "/api/v1"
dashscope.api_key = os.environ["CHATSITE_KEY"]
frames = dashscope.Generation.call(
    model=os.environ["CHATSITE_MODEL"],
    messages=[{"role": "user", "content": "你好"}],
    result_format="message",
    stream=True,
    incremental_output=True,
)
for frame in frames:
    if frame.status_code != 200:
        raise SystemExit(f"{frame.code}: {frame.message}")
    print(frame.output.choices[0].message.content, end="", flush=True)
print(f"\n{frame.usage.output_tokens} tokens")
