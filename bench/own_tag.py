"""From a click to re-ranked candidates: an own tag learns over a large roll, one verdict after another.

A click is what the page of an own tag sends for "yes" or "no": one request through all middleware, with the verdict
written, the head fitted anew, every photo held against it and the page's fragment rendered. In turns with two bare
products of one vector with as many photos: FAISS's own search over the similarity index, and NumPy's product with
the stored embeddings, 1280 float16, held in memory. The answers are compared with an exact scan of the stored
embeddings, read from the database.
"""

import argparse
import re
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
from common import median, percentile, report, start, timed

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from numpy.typing import NDArray

    from magicroll.models import User
    from tagging.models import Tag

WARM_UP = 3
FIRST = 5  # photos marked before the first click that counts
CHECKED = 5  # of the clicks, whose answers are compared with the exact scan
BLOCK = 2048


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--clicks", type=int, default=60)
    parser.add_argument("--database", default="sqlite", help="sqlite, or the URL of a PostgreSQL server")
    args = parser.parse_args()
    start(args.database)
    import synthetic
    from pages import logged_in
    from rescore import real_embeddings

    user = synthetic.build(args.photos, real_embeddings()).user
    client = logged_in(user)
    tag, page = begun(user, client)
    ids, stored = embeddings_of(user)
    bare = {"faiss": faiss_search(user), "numpy": numpy_product(stored)}
    took: dict[str, list[float]] = {"click": [], "click_cpu": [], **{name: [] for name in bare}}
    agreed: list[float] = []
    every = max(1, args.clicks // CHECKED)
    for number in range(WARM_UP + args.clicks):
        began, cpu_began = time.perf_counter(), time.thread_time()
        page = click(client, tag, page, number)
        clicked = {"click": time.perf_counter() - began, "click_cpu": time.thread_time() - cpu_began}
        seconds = clicked | {name: timed(act) for name, act in bare.items()}
        if number >= WARM_UP:
            for name, value in seconds.items():
                took[name].append(value * 1000)
        if number % every == 0:
            agreed.append(agreement(user, tag, shown(page), ids, stored))
    report(
        "own_tag",
        {
            "photos": args.photos,
            "p95_ms": percentile(took["click"], 0.95),
            "p50_ms": median(took["click"]),
            "cpu_p50_ms": median(took["click_cpu"]),
            "faiss_ms": median(took["faiss"]),
            "numpy_1280_ms": median(took["numpy"]),
            "ratio_to_numpy": median([c / b for c, b in zip(took["click"], took["numpy"], strict=True)]),
            "agreement_with_exact": min(agreed),
            "verdicts": verdicts(tag),
            "database": args.database.split(":")[0],
        },
    )


def begun(user: "User", client: "Client") -> "tuple[Tag, str]":
    """Make a tag and mark the first photos: one, and those that are likest to it."""
    from magicroll.models import Photo
    from tagging import own_tags, search
    from tagging.models import Verdict

    tag = own_tags.make(user, "Rex")
    photo = Photo.objects.owned_by(user).live().order_by("-id")[1000]
    alike = search.similar_photos(search.corpus_of(user), photo, FIRST - 1).photos
    own_tags.judge(user, tag, [photo.id, *(one.id for one in alike)], Verdict.Kind.ADDED)
    return tag, client.get(f"/my-tags/{tag.pk}/").content.decode()


def click(client: "Client", tag: "Tag", page: str, number: int) -> str:
    """Judge the likeliest photo of a page, yes and no in turns; return the next page."""
    from django.db import close_old_connections

    close_old_connections()
    verdict = {"no" if number % 3 == 2 else "yes": str(shown(page)[0]), "cut": "50"}
    answer = client.post(f"/my-tags/{tag.pk}/judge/", verdict, headers={"HX-Request": "true"})
    close_old_connections()
    assert answer.status_code == 200, answer.status_code
    return str(answer.content.decode())


def shown(page: str) -> list[int]:
    """Return the candidates of a page, best first."""
    part = page.partition('id="likely"')[2].partition("</ul>")[0]
    return [int(number) for number in re.findall(r'data-id="(\d+)"', part)]


def embeddings_of(user: "User") -> "tuple[NDArray[np.int64], NDArray[np.float16]]":
    """Read all stored embeddings: ids int64 [n], sorted, and vectors float16 [n, d]."""
    from tagging.models import Corpus, Embedding

    corpus = Corpus.objects.select_related("active").get(owner=user)
    rows = Embedding.objects.filter(owner=user, encoder=corpus.active.encoder_id).order_by("photo")
    ids, vectors = [], []
    for photo_id, vector in rows.values_list("photo", "vector").iterator():
        ids.append(photo_id)
        vectors.append(bytes(vector))
    print(f"{len(ids):,} embeddings", file=sys.stderr)
    return np.array(ids, np.int64), np.frombuffer(b"".join(vectors), "<f2").reshape(len(ids), -1)


def faiss_search(user: "User") -> "Callable[[], object]":
    """Search the opened index for the 100 best of one vector, in one thread."""
    import faiss

    from tagging.models import Corpus
    from tagging.snapshots import open_snapshot

    corpus = Corpus.objects.select_related("active__encoder").get(owner=user)
    snapshot = open_snapshot(corpus, corpus.active.encoder)
    assert snapshot is not None, "the index is not there"
    question = np.random.default_rng(1).normal(size=(1, snapshot.index.d)).astype(np.float32)
    faiss.omp_set_num_threads(1)
    return lambda: snapshot.index.search(question, 100)


def numpy_product(stored: "NDArray[np.float16]") -> "Callable[[], object]":
    """Multiply all stored embeddings by one vector, block by block."""
    weights = np.random.default_rng(1).normal(size=stored.shape[1]).astype(np.float32)
    blocks = range(0, len(stored), BLOCK)
    return lambda: [stored[start : start + BLOCK].astype(np.float32) @ weights for start in blocks]


def agreement(
    user: "User", tag: "Tag", candidates: list[int], ids: "NDArray[np.int64]", stored: "NDArray[np.float16]"
) -> float:
    """Fit the head as the page did, hold every stored embedding against it: share of places that are the same."""
    from tagging import index
    from tagging.models import Corpus
    from tagging.own_heads import projection_of
    from tagging.own_tags.learning import evidence_of, learn
    from tagging.own_tags.space import live_ids, open_space

    corpus = Corpus.objects.select_related("active__encoder").get(owner=user)
    encoder = corpus.active.encoder
    evidence = evidence_of(user.pk, tag)
    lesson = learn(open_space(corpus, encoder), evidence)
    assert lesson is not None
    projection = projection_of(encoder)
    products = np.concatenate(
        [
            index.features(index.part_of(index.Batch(ids[i : i + BLOCK], stored[i : i + BLOCK]), projection).codes)
            @ lesson.head.weights
            for i in range(0, len(ids), BLOCK)
        ]
    )  # fmt: skip
    asked = np.isin(ids, live_ids(user.pk)) & ~np.isin(ids, [*evidence.confirmed, *evidence.rejected])
    best = ids[asked][np.lexsort((-ids[asked], -products[asked]))][: len(candidates)].tolist()
    return float(np.mean([mine == exact for mine, exact in zip(candidates, best, strict=True)]))


def verdicts(tag: "Tag") -> int:
    """Return how many photos have been judged in the end."""
    from tagging.models import Verdict

    return Verdict.objects.filter(tag=tag).count()


if __name__ == "__main__":
    main()
