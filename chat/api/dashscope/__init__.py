"""The DashScope dialect: `POST /api/v1/services/aigc/text-generation/generation`.

Sources: Alibaba Cloud's Model Studio reference, and what dashscope 2.0.2 accepts.
Where we differ:

1. A call is a durable generation; `X-Generation-Id` names it for the native API.
2. `input_tokens` is 0 in frames before the last one: the count comes with the end.
3. A mid-stream error has its HTTP status in a `status:` line, which the Python SDK
   reads, besides the comment that DashScope sends.
4. Heartbeats are comments with a single line end.
5. `n` above 1, log probabilities and content other than text are refused, tools and
   a response format where the engine cannot; unknown parameters are ignored.
6. When a server stops and the next one says it differently, the stream ends with an
   error, in cumulative form too.
"""
