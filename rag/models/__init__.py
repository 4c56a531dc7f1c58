"""The bundled models and the embedders.

In: texts. Out: a vector a text and a vector a token (`minilm`, `token_vectors`, `embeddings`), and judgements of pairs
(`reader`: does a passage answer, is a statement supported). Each is opened once and shared by threads; files are
checked by hash before they are used. Called from every room above.
"""
