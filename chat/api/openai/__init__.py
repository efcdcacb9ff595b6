"""The OpenAI dialect: `/v1/chat/completions`, `/v1/models`, `/v1/responses`,
`/v1/images/generations`.

Sources: OpenAI's API reference, and what openai-python 3.51 and openai-node accept.
`docs/api.md` has the table of every field. Where we differ:

1. A call is a durable generation. Closing the connection does not end it; the
   header `X-Generation-Id` names it for the native API, which can resume or stop it.
2. `Idempotency-Key` works: the same key gives the same answer.
3. Streams have no `id:` lines, and heartbeats are comments with a single line end:
   OpenAI's Python client parses anything more as an event.
4. A failure in a chat stream is one frame `data: {"error": {...}}` without `[DONE]`.
5. Reasoning is sent as `reasoning_content`, as most open engines do.
6. A stopped answer has the finish reason `stop`; a stopped response has the status
   `cancelled` and ends with `response.incomplete`, as there is no event for it.
7. `sequence_number` counts the characters and the events before it, so it has gaps,
   and a response can be resumed exactly however its text was cut into pieces.
8. `model` may be left out: the default answers.
9. Unknown keys are ignored; what would change the answer and cannot be done (`n`,
   images, log probabilities; tools and response formats, where the engine cannot) is
   refused with the parameter's name.
10. The last message must be the user's (or a tool's): answers are not prefilled.
11. `previous_response_id` copies that response's messages and its instructions,
    unless new ones are given.
12. Tool calls are the engine's: only functions, and nothing is called here. When
    another process takes an answer over in the midst of a call, the call is begun
    again under its id; what was sent of it is not sent twice.
13. Partial images are small WebP previews; a stream of pictures has no `url`s.
"""
