"""What can go wrong, as instructions: every message says what is wrong, with which value, and what to type.

PinciteError
├── UsageError            the command was called wrongly (exit code 2)
├── SettingsError         a PINCITE_* name or value is not usable
├── DocumentsError        the documents folder cannot be used
├── ReadError             one document cannot be read; the others still are
├── QuestionError         a question that cannot be asked
├── StoreError            the index cannot be opened, read or written
│   └── NoDocument        no document of that id is in the index
└── BackendError
    ├── UnknownBackend    no such backend
    ├── BackendNotReady   a key or a package is missing
    ├── BackendUnavailable  the provider did not answer, in its own words
    └── StreamCut         the provider broke off in the middle of its answer
"""


class PinciteError(Exception):
    """The user must do something; the message says what. `exit_code` is what the command line returns."""

    exit_code = 1


class UsageError(PinciteError):
    """A command line that cannot mean anything."""

    exit_code = 2


class SettingsError(PinciteError):
    """A setting with an unknown name or an unusable value. Never quotes what may be a key."""


class DocumentsError(PinciteError):
    """The documents folder is missing, empty or unreadable as a whole."""


class ReadError(PinciteError):
    """One document that cannot be read. The message starts with its name."""


class QuestionError(PinciteError):
    """A question that is empty or too long."""


class StoreError(PinciteError):
    """The index cannot be opened, read or written."""


class NoDocument(StoreError):
    """An id that no document in the index has."""


class BackendError(PinciteError):
    """Something about the language model behind the answers."""


class UnknownBackend(BackendError):
    """A backend name that is not in the table."""


class BackendNotReady(BackendError):
    """A backend that lacks a key or a package."""


class BackendUnavailable(BackendError):
    """A provider that failed to answer; carries the provider's own words, without secrets."""


class StreamCut(BackendError):
    """A provider that broke off in the middle of its answer; what came before has been handed on."""
