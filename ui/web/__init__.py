"""The browser page, in Gradio: conversations, documents, models, answers and their sources.

`page` alone knows Gradio; `events` says what happens, one method an event; `render`, `statements` and `source` are
pure functions from values to HTML, in which all text of documents and models is escaped.
"""
