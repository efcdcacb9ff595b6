"""What all contenders are asked."""

from __future__ import annotations


def prompt(number: int) -> str:
    return f"Tell me about Chatsite, number {number}."


def messages(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt(number)}]
