"""The MCP server: agents ask, search, read and verify over standard input and output.

`server` alone knows the protocol; `tools` says what each tool takes, gives and does.
"""
