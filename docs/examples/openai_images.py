"""A picture with OpenAI's own Python client, seen while it is drawn."""

import base64
import os
from pathlib import Path

from openai import OpenAI

client = OpenAI(
    base_url=os.environ["CHATSITE_URL"] + "/v1", api_key=os.environ["CHATSITE_KEY"]
)
stream = client.images.generate(
    prompt="a red fox in the snow", size="256x256", stream=True, partial_images=3
)
for event in stream:
    print(event.type, event.size)
    done = event.type == "image_generation.completed"
    name = "fox" if done else f"fox-{event.partial_image_index}"
    file = Path(f"{name}.{event.output_format}")
    file.write_bytes(base64.b64decode(event.b64_json))
