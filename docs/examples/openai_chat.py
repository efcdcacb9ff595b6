"""Chat completions with OpenAI's own Python client: `pip install openai`."""

import os

from openai import OpenAI

client = OpenAI(
    base_url=os.environ["CHATSITE_URL"] + "/v1", api_key=os.environ["CHATSITE_KEY"]
)
stream = client.chat.completions.create(
    model=client.models.list().data[0].id,
    messages=[
        {"role": "system", "content": "Answer in one sentence."},
        {"role": "user", "content": "Why does an answer survive a lost connection?"},
    ],
    stream=True,
    stream_options={"include_usage": True},
)
for chunk in stream:
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)
    if chunk.usage:
        print(f"\n{chunk.usage.completion_tokens} tokens")
