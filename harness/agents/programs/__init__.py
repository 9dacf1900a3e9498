"""Coding CLIs as agents: how each is called, what its report says, the folder it works in."""
