"""Start the demo: the engine loads in the background while the page is already there."""

import argparse
import logging
import os
import re
import signal
import sys
import threading
from pathlib import Path

DEFAULT_MODEL = "LiquidAI/LFM2.5-Audio-1.5B"


def flags(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="app.py", description="Talk with LFM2-Audio on this computer.")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a folder, a Hub repository, or `random` for noise (default: %(default)s)")
    parser.add_argument("--revision", help="branch, tag or commit of the repository")
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], help="precision of the weights (default: by hardware)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, help="port to listen on (default: 7860, or the next free one)")
    parser.add_argument("--share", action="store_true", help="also open a public link: whoever has it can use this computer's model")
    chosen = parser.parse_args(argv)
    repository = re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", chosen.model)
    if chosen.model != "random" and not repository and not Path(chosen.model).expanduser().is_dir():
        parser.error(f"there is no folder {chosen.model}. Give --model a checkpoint's folder, a repository as owner/name, or random.")
    return chosen


def main(argv: list[str]) -> int:
    chosen = flags(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # Gradio asks itself whether it is up
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    # Only now: a wrong flag should not have to wait for these.
    from lfm import ui
    from lfm.engine import Engine
    from lfm.errors import LfmError

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end as with Ctrl-C
    engine, page = None, None
    try:
        engine = Engine(chosen.model, revision=chosen.revision, dtype=chosen.dtype)
        page = ui.build(engine)
        where = {"server_name": chosen.host, "server_port": chosen.port, "share": chosen.share}
        _, local, public = page.launch(**where, **ui.launch_settings(), prevent_thread_lock=True, quiet=True)
        print(f"Open {public or local}" + (" (anyone who has this link can use it)" if public else ""), flush=True)
        try:
            print(f"Ready: {engine.wait().name}", flush=True)
        except LfmError as error:
            print(error, file=sys.stderr, flush=True)  # the page says it too, and stays up
        threading.Event().wait()
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
