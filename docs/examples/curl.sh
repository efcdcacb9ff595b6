#!/usr/bin/env bash
# The native API with curl: ask, watch, read again.
set -euo pipefail

auth="Authorization: Bearer $CHATSITE_KEY"
json="Content-Type: application/json"

# The whole answer, when it is complete.
curl --silent --fail "$CHATSITE_URL/api/chat" -H "$auth" -H "$json" \
    -d '{"prompt": "Hello"}'
echo

# As it is written, in whole sentences. --no-buffer shows each one as it comes.
headers=$(mktemp)
curl --silent --fail --no-buffer "$CHATSITE_URL/api/chat/stream" -H "$auth" -H "$json" \
    --dump-header "$headers" \
    -d '{"prompt": "Hello again", "params": {"chunking": "sentence"}}'

# The same answer, once more, from the beginning; also while it is being written.
generation=$(awk -F': ' 'tolower($1) == "x-generation-id" {print $2}' "$headers" | tr -d '\r')
rm "$headers"
curl --silent --fail "$CHATSITE_URL/api/generations/$generation/stream?after=0" -H "$auth"

# The same through the OpenAI dialect.
curl --silent --fail "$CHATSITE_URL/v1/chat/completions" -H "$auth" -H "$json" \
    -d '{"messages": [{"role": "user", "content": "Hello"}]}'
echo
