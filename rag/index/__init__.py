"""The index: chunks in Chroma, a lexical index beside it, and a catalogue of which document versions are live.

In: documents from `rag.documents` with vectors from `rag.models` (`ingest`, `batch`, `writer`). Out: chunks and scores
to `rag.search`, whole documents to the panel and to receipts (`store`, `view`, `lexical`). `store`, `connection` and
`rows` alone know Chroma; `lexical` alone knows tantivy. Called from `rag.search`, `rag.answer`, `rag.receipts`,
`rag.chat` and the commands that ingest.
"""
