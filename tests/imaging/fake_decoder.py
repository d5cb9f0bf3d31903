"""A decoder that speaks the pool's protocol and misbehaves as the name of the file asks it to."""

import json
import os
import signal
import sys
from pathlib import Path

ANSWER = {
    "kind": "jpeg", "mime": "image/jpeg", "width": 4, "height": 3, "preview_width": 4, "preview_height": 3,
    "thumb_width": 4, "thumb_height": 3, "dominant_colour": "#102030", "metadata": {"taken_at": None},
    "keywords": {"added": [], "rejected": [], "is_ours": False, "caption": ""},
}  # fmt: skip


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    say('{"ready": true}')
    for line in sys.stdin:
        job = json.loads(line)
        match Path(job["source"]).name:
            case "hang":
                signal.pause()
            case "exit":
                sys.exit(3)
            case "chatter":
                say("decoding, please wait")
            case "flood":
                sys.stdout.write("x" * 1_000_000)
                sys.stdout.flush()
            case "script":
                facts = {"camera_make": 7}
                say(json.dumps({"picture": ANSWER | {"metadata": {"taken_at": None} | facts}}))
            case name if name.startswith("SIG"):
                os.kill(os.getpid(), signal.Signals[name])
            case _:
                say(json.dumps({"picture": ANSWER | {"width": os.getpid()}}))


main()
