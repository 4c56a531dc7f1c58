"""The HTTP API: documents, answers, passages and checks for programs, also in OpenAI's protocol.

In: requests that `guard` lets through, as values (`requests`). Out: answer records, whole or as events, and errors as
a status with one line (`errors`). `concurrency` bounds how much is done at once, `server` how long a connection is
held. `pincite serve` and the page's server use it.
"""
