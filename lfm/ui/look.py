"""How the page looks: Gradio's theme, fed from the colours in style/tokens.css, and what its launch needs for it."""

from pathlib import Path
from typing import Any

from gradio import themes

STYLE = Path(__file__).parent / "style"
SHEETS = ("tokens", "page", "controls", "sound", "models", "transcribe", "takes", "about", "chat", "rail", "player")
SCRIPT = Path(__file__).parent / "script"  # what several parts of the page use; each part's own stands beside its .py
SCRIPTS = ("sound", "source", "speech", "handsfree", "scope", "playout", "replay", "strip", "tabs")

COLOURS = {
    "body_background_fill": "var(--bg)",
    "body_text_color": "var(--ink)",
    "body_text_color_subdued": "var(--muted)",
    "background_fill_primary": "var(--surface)",
    "background_fill_secondary": "var(--soft)",
    "border_color_primary": "var(--line)",
    "border_color_accent": "var(--accent)",
    "color_accent_soft": "var(--accent-soft)",
    "link_text_color": "var(--accent)",
    "block_background_fill": "transparent",
    "block_border_width": "0px",
    "block_shadow": "none",
    "block_label_background_fill": "transparent",
    "block_label_border_width": "0px",
    "block_title_text_color": "var(--ink-2)",
    "block_info_text_color": "var(--muted)",
    "input_background_fill": "var(--surface)",
    "input_background_fill_focus": "var(--surface)",
    "input_border_color": "var(--edge)",
    "input_border_color_focus": "var(--ink)",
    "input_placeholder_color": "var(--muted)",
    "input_shadow": "none",
    "input_shadow_focus": "none",
    "checkbox_label_background_fill": "transparent",
    "checkbox_label_background_fill_hover": "transparent",
    "checkbox_label_background_fill_selected": "transparent",
    "checkbox_label_border_width": "0px",
    "checkbox_label_shadow": "none",
    "button_primary_background_fill": "var(--ink)",
    "button_primary_background_fill_hover": "var(--ink-2)",
    "button_primary_text_color": "var(--on-ink)",
    "button_primary_border_color": "var(--ink)",
    "button_secondary_background_fill": "var(--surface)",
    "button_secondary_background_fill_hover": "var(--soft)",
    "button_secondary_text_color": "var(--ink)",
    "button_secondary_border_color": "var(--line-2)",
    "button_border_width": "1px",
    "button_primary_shadow": "none",
    "button_secondary_shadow": "none",
}
SIZES = {"block_padding": "0px", "form_gap_width": "0px", "input_radius": "16px", "input_padding": "14px 16px", "layout_gap": "16px"}


def theme() -> themes.Base:
    base = themes.Default(
        neutral_hue="stone", primary_hue="stone",
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "SF Mono", "Menlo", "Consolas", "monospace"],
    )  # fmt: skip
    # Each colour follows light and dark by itself, so Gradio's dark twin is the same.
    dark = {f"{key}_dark": value for key, value in COLOURS.items() if hasattr(base, f"{key}_dark")}
    return base.set(**COLOURS, **dark, **SIZES)


def launch_settings() -> dict[str, Any]:
    """What Blocks.launch must be given for the page to look and behave as it should."""
    return {
        "theme": theme(),
        "css": "\n".join((STYLE / f"{name}.css").read_text() for name in SHEETS),
        "head": "<script>\n" + "\n".join((SCRIPT / f"{name}.js").read_text() for name in SCRIPTS) + "</script>",
        "footer_links": [],
        "run_history": False,  # or the browser keeps every request, sound included
    }
