"""Codes to spectra to sound."""

import language  # noqa: F401 (makes lfm importable)
