"""How fast and how large, in a process of its own: `python -m judge.machine MODEL` prints one line of JSON."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

from judge.engine import Row


def main(model: str) -> None:
    began = time.monotonic()
    from judge.engine import gathered
    from lfm.engine import Engine

    engine = Engine(model)
    engine.wait()
    ready = time.monotonic() - began
    gathered(engine.chat().reply("Hello, who are you?"))  # the first request of a process warms it up
    asked = [
        gathered(engine.chat().reply(text)).stats for text in ("What is the capital of France?", "How are you today?", "Tell me a joke.")
    ]
    spoken = gathered(engine.speak("The train to Paris leaves at ten, and the garden is full of roses.", "UK female")).stats
    first = sorted(s.first_sound if s.first_sound is not None else 99.0 for s in asked)[1]
    status = Path("/proc/self/status").read_text()  # getrusage would count the parent from before the exec
    peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024
    engine.close()
    print(json.dumps({"ready": ready, "first": first, "factor": spoken.real_time_factor or 0.0, "peak": peak}))


def rows(model: str) -> list[Row]:
    """Measured on this machine as it is: close other programs first."""
    out = subprocess.run([sys.executable, "-m", "judge.machine", model], capture_output=True, text=True, check=True).stdout
    found = json.loads(out.splitlines()[-1])
    return [
        Row("cold start to Ready", f"{found['ready']:.1f} s", "<= 3 s", 1),
        Row("first sound in chat (median)", f"{found['first']:.2f} s", "<= 0.5 s", 3),
        Row("real-time factor of TTS", f"{found['factor']:.2f}", "<= 0.5", 1),
        Row("peak memory", f"{found['peak']:.0f} MB", "<= 900 MB", 1),
    ]


if __name__ == "__main__":
    main(sys.argv[1])
