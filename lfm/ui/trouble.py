"""Errors as sentences: what the user can mend is said as it is, anything else goes to the log with its traceback."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from lfm.errors import LfmError

log = logging.getLogger(__name__)

UNEXPECTED = "Something went wrong inside the program. What was said is kept: try again. The details are in the terminal."


@contextmanager
def explained() -> Iterator[None]:
    """Turn an exception into the message that the page, or a caller of the API, is shown."""
    try:
        yield
    except gr.Error:
        raise
    except LfmError as error:
        raise gr.Error(str(error), title="That did not work", print_exception=False) from error
    except Exception as error:
        log.exception("a request failed")
        raise gr.Error(UNEXPECTED, title="That did not work", print_exception=False) from error
