"""Accounts, and what they carry: keys, invitations, preferences."""
