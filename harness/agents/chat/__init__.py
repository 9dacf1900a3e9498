"""Model servers as agents, over HTTP: the conversation, and the file in a reply."""
