"""Checks of what is said by somebody else: a moderation service, or a chat model.

`rules` (pure) says what is asked and what an answer means, `services` asks, `gate`
holds an answer's sentences until they are cleared, `questions` does so for what is
asked. The guard of words and patterns is `chat.guard`; it comes first.
"""
