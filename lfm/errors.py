"""What can go wrong in a way the user can mend: every message says what happened and what to do next."""


class LfmError(Exception):
    """Base of the errors whose message is meant for the user."""


class ConfigError(LfmError):
    """config.json asks for something that is not implemented."""


class CheckpointError(LfmError):
    """A checkpoint cannot be found, read or loaded."""


class DownloadCancelled(CheckpointError):
    """Somebody stopped a download; asking again goes on with it."""


class AudioError(LfmError):
    """A sound that cannot be read or used."""


class ContextFull(LfmError):
    """The conversation no longer fits into the model's context."""


class ModelChanged(LfmError):
    """The model was replaced or unloaded while a request was waiting."""
