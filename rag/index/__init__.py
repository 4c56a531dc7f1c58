"""The index: documents in Chroma with a lexical index beside it."""
