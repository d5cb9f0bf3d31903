"""A worker killed in the middle of an operation over many photos: the next one goes on, nothing is done twice."""

import json
import subprocess

import pytest

from tests.fault.conftest import Installation, kill
from tests.fault.test_storm import VICTIMS, matching
from tests.ops.harness import Browser, until

pytestmark = pytest.mark.fault
PHOTOS = 40_000


def test_a_killed_worker_costs_time_and_undo_gives_everything_back(
    installation: Installation, serving: "subprocess.Popen[bytes]", ada: Browser
) -> None:
    """Photos without files do: an operation reads none."""
    installation.ask("many", str(PHOTOS))

    def report() -> dict[str, int]:
        return dict(installation.ask("operated"))

    def workers() -> list[int]:
        return matching(installation, serving.pid, VICTIMS["the worker"][0])

    offer = json.loads(ada.get("/selection/all/?in=roll"))
    assert offer["count"] == PHOTOS
    ada.post("/selection/", {"kind": "trash", "all": "roll", "upto": str(offer["upto"])})
    until(lambda: 0 < report()["trashed"] < PHOTOS, "it is in the middle")
    assert [kill(worker) for worker in workers()]
    lost = report()
    assert lost["state"] == "running"
    assert 0 < lost["trashed"] == lost["changed"] < PHOTOS  # whole parts, and their note
    installation.flush_broker()
    installation.ask("forget_operator")
    until(lambda: report()["state"] == "done", "another worker has gone on to the end")
    done = report()
    assert (done["trashed"], done["changed"], done["seen"]) == (PHOTOS, PHOTOS, PHOTOS)

    ada.get("/operations/")
    ada.post(f"/operations/{done['id']}/undo/", {})
    until(lambda: 0 < report()["trashed"] < PHOTOS, "it is half undone")
    assert [kill(worker) for worker in workers()]
    installation.ask("forget_operator")
    until(lambda: report()["state"] == "undone", "everything is back")
    assert report()["trashed"] == 0
    assert report()["put_back"] == PHOTOS
    assert installation.ask("wrong_rows") == []
