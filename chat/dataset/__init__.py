"""Conversations nobody had, as many as are wanted: for measuring."""
