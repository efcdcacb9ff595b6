"""A response in the background, whose stream is left and taken up again."""

import os

from openai import OpenAI

client = OpenAI(
    base_url=os.environ["CHATSITE_URL"] + "/v1", api_key=os.environ["CHATSITE_KEY"]
)
model = client.models.list().data[0].id
question = "Tell me something long."
text, last, name = "", -1, ""
with client.responses.create(
    model=model, input=question, background=True, stream=True
) as stream:
    for event in stream:
        last = event.sequence_number
        if event.type == "response.created":
            name = event.response.id
        if event.type == "response.output_text.delta":
            text += event.delta
            break  # the connection is lost here; the answer goes on

for event in client.responses.retrieve(name, stream=True, starting_after=last):
    if event.type == "response.output_text.delta":
        text += event.delta
assert text == client.responses.retrieve(name).output_text
print(text)
