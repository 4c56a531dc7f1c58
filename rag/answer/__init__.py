"""From a question and passages to checked statements.

In: a question, its history, a scope and a backend, from `rag.chat`. Out: parsed sentences from an answerer (`llm`,
`extractive`), statements with exact citations (`checking`, `citations`, `exactness`), and the `Answer` (`builder`).
Only `rag.chat` calls this room, and it calls every room below.
"""
