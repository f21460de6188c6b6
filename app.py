"""Start the demo: the engine loads in the background while the page is already there."""

import argparse
import gc
import logging
import os
import re
import secrets
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

ON_A_SPACE = "SPACE_ID" in os.environ
LOGIN = "Any name will do. The password stands where the program was started."
WARNING = "Whoever has both can use this computer's model and choose another, until the program ends or a week is over. End it with Ctrl-C."


def flags(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="app.py", description="Talk with LFM2-Audio on this computer.")
    parser.add_argument("--model", help="a folder, a Hub repository, or `random` for noise (default: what suits this computer)")
    parser.add_argument("--revision", help="branch, tag or commit of the repository")
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], help="precision of the weights (default: by hardware)")
    parser.add_argument("--host", default="0.0.0.0" if ON_A_SPACE else "127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, help="port to listen on (default: 7860, or the next free one)")
    parser.add_argument("--share", action="store_true", help="also open a public link, behind a password")
    parser.add_argument("--password", help="ask visitors for this (default with --share: one is made up and printed)")
    chosen = parser.parse_args(argv)
    if chosen.model and chosen.model != "random" and not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", chosen.model):
        folder = Path(chosen.model).expanduser()
        if not folder.is_dir():
            parser.error(f"there is no folder {chosen.model}. Give --model a checkpoint's folder, a repository as owner/name, or random.")
        chosen.model = str(folder.resolve())
    if chosen.password == "":
        parser.error("--password is empty. Give it a word, or leave it out.")
    if chosen.share and not chosen.password:
        chosen.password = secrets.token_urlsafe(9)
    return chosen


def begin_with(wanted: str | None) -> tuple[str, str | None, str]:
    """The model to load, another for when it cannot be had, and a sentence that says which and why."""
    from lfm import catalogue, computer

    if wanted:
        return wanted, None, f"Model: {wanted}"
    backend, memory = computer.backend(), computer.memory()
    name = catalogue.recommended(backend, memory.total if memory else None)
    pocket = str(catalogue.POCKET)
    fallback = pocket if name != pocket and pocket in [model.name for model in catalogue.models()] else None
    another = "Choose another in the page, at the top right, or with --model."
    if name == pocket:
        return name, None, f"Model: Pocket, which is small and quick enough for a CPU. The full one is {catalogue.FULL}. {another}"
    return name, fallback, f"Model: {name}, for {backend}. {another}"


def door(password: str | None) -> Callable[[str, str], bool] | None:
    """What lets a visitor in: any name, with the password; everybody where there is none."""
    if password is None:
        return None
    return lambda name, given: secrets.compare_digest(given.encode(), password.encode())


def main(argv: list[str]) -> int:
    chosen = flags(argv)
    gc.disable()  # what is made until the page is there stays: to look through it takes a tenth of the time
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # Gradio asks itself whether it is up
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    # Only now: a wrong flag should not have to wait for these.
    from lfm.catalogue import title
    from lfm.engine import Engine
    from lfm.errors import LfmError
    from lfm.quick_import import quick_import, the_rest

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end as with Ctrl-C
    engine, page = None, None
    try:
        model, fallback, why = begin_with(chosen.model)
        print(why, flush=True)
        engine = Engine(model, revision=chosen.revision, dtype=chosen.dtype, fallback=fallback)
        with quick_import():
            from lfm import ui  # Gradio takes a second, in which the engine loads

        place = ui.Place.SPACE if ON_A_SPACE else ui.Place.LINK if chosen.share else ui.Place.HERE
        page = ui.build(engine, place)
        where = {"server_name": chosen.host, "server_port": chosen.port, "share": chosen.share}
        plain = {"ssl_verify": False}  # Gradio asks itself over http whether it is up: it need not read whom else to trust
        auth = {"auth": door(chosen.password), "auth_message": LOGIN}
        _, local, public = page.launch(**where, **auth, **plain, **ui.launch_settings(), prevent_thread_lock=True, quiet=True)
        gc.freeze()  # nor later, while somebody listens
        gc.enable()
        engine.rehearse()
        announce(chosen, local, public)
        try:
            name = engine.wait().name
            if engine.status.error:
                print(engine.status.error, file=sys.stderr, flush=True)
            print(f"Ready: {title(name)}", flush=True)
        except LfmError as error:
            print(error, file=sys.stderr, flush=True)  # the page says it too, and stays up
        the_rest()
        while True:
            time.sleep(1)  # an endless wait would not notice a signal that comes just before it
    except KeyboardInterrupt:
        return 0
    except LfmError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error}\nGive --port another number, or leave it out.", file=sys.stderr)
        return 2
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):  # the clean end waits for the step that runs; who cannot wait asks again
            signal.signal(name, lambda *_: os._exit(130))
        if page:
            page.close(verbose=False)
        if engine:
            engine.close()
    return 0


def announce(chosen: argparse.Namespace, local: str, public: str | None) -> None:
    """Where the page is, who can open it, and what that means."""
    password = f", password: {chosen.password}" if chosen.password else ""
    print(f"Open {local}{password}", flush=True)
    if public:
        print(f"Public link: {public}{password}\n{WARNING}", flush=True)
    elif chosen.share and not ON_A_SPACE:
        print("No public link could be made: is this computer online? The page works here all the same.", file=sys.stderr, flush=True)
    elif chosen.host not in ("127.0.0.1", "localhost", "::1") and not ON_A_SPACE:
        open_to_all = "" if chosen.password else " Everyone on the network can use it; --password WORD asks for one."
        print(f"The page is open to the network.{open_to_all} Over http other computers get no microphone.", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
