"""Threads that all do something over and over at the same time, each with a connection of its own."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connection
from django.db.models import F

from magicroll.models import Photo, User
from tagging.outstanding import needs
from tagging.writer import corpus_change

Act = Callable[[random.Random], object]


def turn(user: User, photo_id: int) -> None:
    """Give a photo new pixels, if it is still there."""
    with corpus_change(user.pk) as change:
        if change.touch([photo_id]):
            Photo.objects.filter(pk=photo_id).update(revision=F("revision") + 1)
            needs(change.corpus, [photo_id])


@dataclass
class Crew:
    """Run acts in threads until the time is over, or one of them fails; `ran` counts them by name."""

    seconds: float
    ran: Counter[str] = field(default_factory=Counter)
    errors: list[BaseException] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def hire(self, act: Act, times: int = 1) -> None:
        for _ in range(times):
            worker = threading.Thread(target=self._work, args=[act, random.Random(len(self.threads))])
            self.threads.append(worker)

    def _work(self, act: Act, rng: random.Random) -> None:
        try:
            while not self.over.is_set():
                act(rng)
                self.ran[getattr(act, "__name__", str(act))] += 1
                self.over.wait(0.02)  # let the others have their turn
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self.errors.append(error)
            self.over.set()
        finally:
            connection.close()

    def run(self, enough: Callable[[], bool] = lambda: True) -> None:
        """Let them work, on a busy machine longer until it is enough; raise the first error of any of them."""
        for worker in self.threads:
            worker.start()
        self.over.wait(self.seconds)
        latest = time.monotonic() + 4 * self.seconds
        while not enough() and time.monotonic() < latest and not self.over.wait(0.1):
            continue
        self.over.set()
        deadline = time.monotonic() + 60
        for worker in self.threads:
            worker.join(max(0.0, deadline - time.monotonic()))
        assert not any(worker.is_alive() for worker in self.threads), "somebody waits for ever"
        if self.errors:
            raise self.errors[0]
