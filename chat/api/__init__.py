"""The APIs. `chat.api.native.api` is the native one."""
