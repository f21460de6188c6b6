"""Where the page is read: on the computer that runs it, through a link, or on a Space. What it promises must be true there."""

from enum import Enum


class Place(Enum):
    HERE = "here"
    LINK = "link"
    SPACE = "space"

    @property
    def tagline(self) -> str:
        return "Speech that stays on this computer" if self is Place.HERE else "Talk with a speech model"

    @property
    def fixed(self) -> bool:
        """Strangers do not choose what a Space downloads."""
        return self is Place.SPACE

    @property
    def privacy(self) -> tuple[str, str]:
        """A heading and what is behind it."""
        files = "Sound files lie in a temporary folder there until the program ends, at most a day."
        match self:
            case Place.HERE:
                return "Nothing leaves this computer", (
                    "Your voice, your files and the conversation are processed here, and the page makes no request to any other machine. "
                    "Sound files lie in a temporary folder until the program ends, at most a day. The program itself goes online only to "
                    "download a model."
                )
            case Place.LINK:
                return "Your voice goes to one computer", (
                    "This page can be opened through a public link. What you say and send travels to the computer that runs it, from "
                    f"elsewhere by way of Gradio's server for such links, and is processed there and nowhere else. {files}"
                )
            case Place.SPACE:
                return "Your voice goes to this Space", (
                    "What you say and send is processed by the machine on which Hugging Face runs this Space, and sent nowhere else. "
                    f"{files} To keep it at home, run the program on a computer of your own."
                )
