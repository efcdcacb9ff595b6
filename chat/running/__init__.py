"""Generations at work: claimed, driven, written down, ended."""
