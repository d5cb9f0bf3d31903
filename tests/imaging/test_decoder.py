import os
import signal
import struct
import subprocess
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from magicroll.imaging.decoder import DecoderFailed, DecoderPool
from magicroll.imaging.picture import PREVIEW_NAME, ImageRefused, Limits
from magicroll.imaging.process import process
from magicroll.imaging.protocol import Failure, Job, Trouble, read_answer, read_job, write_answer, write_job

from .conftest import Save

FAKE = (sys.executable, str(Path(__file__).with_name("fake_decoder.py")))


def fake_pool(timeout_s: float = 20, jobs_per_child: int = 100, size: int = 1) -> DecoderPool:
    return DecoderPool(size, timeout_s=timeout_s, command=FAKE, jobs_per_child=jobs_per_child)


def child_of(pool: DecoderPool, out_dir: Path) -> int:
    """The process id of the fake child that answers; it writes it where the width belongs."""
    return pool.process(Path("good"), out_dir).width


def runs(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_child_gives_what_the_same_process_gives(photo: Image.Image, save: Save, out_dir: Path) -> None:
    exif = Image.Exif()
    exif[306] = "2020:01:02 03:04:05"
    exif[271] = "Acmé"
    path = save(photo, exif=exif)

    with DecoderPool(1) as pool:
        picture = pool.process(path, out_dir)
        preview = (out_dir / PREVIEW_NAME).read_bytes()

    assert picture == process(path, out_dir, Limits())
    assert preview == (out_dir / PREVIEW_NAME).read_bytes()


def test_a_refusal_comes_through_and_the_child_goes_on(
    photo: Image.Image, save: Save, tmp_path: Path, out_dir: Path
) -> None:
    text = tmp_path / "text"
    text.write_text("no picture")

    with DecoderPool(1, Limits(max_pixels=10_000)) as pool:
        with pytest.raises(ImageRefused, match="not a picture") as not_a_picture:
            pool.process(text, out_dir)
        with pytest.raises(ImageRefused, match="megapixels") as too_many:
            pool.process(save(photo), out_dir)
        with pytest.raises(FileNotFoundError):
            pool.process(tmp_path / "gone", out_dir)

    assert (not_a_picture.value.code, too_many.value.code) == ("not-a-picture", "too-many-pixels")


def test_a_photo_that_eats_memory_costs_a_child_and_nothing_else(
    photo: Image.Image, save: Save, tmp_path: Path, out_dir: Path
) -> None:
    if sys.platform == "darwin":
        pytest.skip("macOS does not bound a process's address space")
    greedy = tmp_path / "greedy.png"
    greedy.write_bytes(plain_png(12_000, 12_000))

    with DecoderPool(1, memory_bytes=450_000_000) as pool:
        with pytest.raises(DecoderFailed) as failure:
            pool.process(greedy, out_dir)
        picture = pool.process(save(photo), out_dir)

    assert failure.value.reason is Trouble.MEMORY
    assert picture.width == photo.width


def plain_png(width: int, height: int) -> bytes:
    """A black RGB picture of any size, made without holding it in memory."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    packer = zlib.compressobj(1)
    row = bytes(1 + 3 * width)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_a_decoder_that_hangs_is_killed_and_replaced(out_dir: Path) -> None:
    with fake_pool(timeout_s=1) as pool:
        first = child_of(pool, out_dir)
        with pytest.raises(DecoderFailed) as failure:
            pool.process(Path("hang"), out_dir)
        second = child_of(pool, out_dir)

    assert failure.value.reason is Trouble.TIMEOUT
    assert first != second
    assert not runs(first)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("SIGSEGV", Trouble.CRASH),
        ("SIGABRT", Trouble.CRASH),
        ("SIGKILL", Trouble.MEMORY),
        ("SIGALRM", Trouble.TIMEOUT),
        ("exit", Trouble.CRASH),
        ("chatter", Trouble.CRASH),
        ("flood", Trouble.CRASH),
        ("script", Trouble.CRASH),
    ],
)
def test_a_decoder_that_breaks_is_replaced(how: str, reason: Trouble, out_dir: Path) -> None:
    with fake_pool() as pool:
        first = child_of(pool, out_dir)
        with pytest.raises(DecoderFailed) as failure:
            pool.process(Path(how), out_dir)
        second = child_of(pool, out_dir)

    assert failure.value.reason is reason
    assert first != second
    assert not runs(first)


def test_a_child_that_died_while_idle_is_replaced_without_a_word(out_dir: Path) -> None:
    with fake_pool() as pool:
        first = child_of(pool, out_dir)
        os.kill(first, signal.SIGKILL)
        os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)

        assert child_of(pool, out_dir) != first


def test_a_child_is_used_again_and_replaced_after_its_share(out_dir: Path) -> None:
    with fake_pool(jobs_per_child=3) as pool:
        children = [child_of(pool, out_dir) for _ in range(7)]

    assert [children.count(child) for child in dict.fromkeys(children)] == [3, 3, 1]


def test_a_decoder_that_does_not_start_is_a_failure(out_dir: Path) -> None:
    with DecoderPool(1, command=(sys.executable, "-c", "raise SystemExit(1)")) as pool:
        for _ in range(2):
            with pytest.raises(DecoderFailed, match="did not start"):
                pool.process(Path("good"), out_dir)


def test_threads_share_the_children(out_dir: Path) -> None:
    with fake_pool(size=2) as pool, ThreadPoolExecutor(8) as threads:
        children = set(threads.map(lambda _: child_of(pool, out_dir), range(60)))

    assert 1 <= len(children) <= 2


def test_a_closed_pool_has_no_children_and_takes_no_photo(out_dir: Path) -> None:
    pool = fake_pool()
    child = child_of(pool, out_dir)

    pool.close()
    pool.close()

    assert not runs(child)
    with pytest.raises(RuntimeError, match="closed"):
        pool.process(Path("good"), out_dir)


def test_closing_wakes_those_who_wait(out_dir: Path) -> None:
    pool = fake_pool(timeout_s=1)
    outcomes: list[str] = []

    def hang() -> None:
        try:
            pool.process(Path("hang"), out_dir)
        except (DecoderFailed, RuntimeError) as error:
            outcomes.append(type(error).__name__)

    threads = [threading.Thread(target=hang) for _ in range(3)]
    for thread in threads:
        thread.start()
    pool.close()
    for thread in threads:
        thread.join(10)

    assert len(outcomes) == 3
    assert not any(thread.is_alive() for thread in threads)


def test_children_end_with_their_parent(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from magicroll.imaging.decoder import DecoderPool;"
        f"pool = DecoderPool(1, command={FAKE!r});"
        "print(pool.process(Path('good'), Path('.')).width, flush=True);"
        "os.kill(os.getpid(), 9)"
    )
    # The child inherits the script's standard error: that pipe is at its end, and `communicate` returns, when
    # both are gone.
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as parent:
        out, err = parent.communicate(timeout=30)

    assert (parent.returncode, err) == (-signal.SIGKILL, "")
    assert out.strip().isdigit()


def test_a_forked_process_starts_children_of_its_own(out_dir: Path) -> None:
    with fake_pool() as pool:
        ours = child_of(pool, out_dir)
        reader, writer = os.pipe()
        forked = os.fork()
        if forked == 0:
            os.write(writer, str(child_of(pool, out_dir)).encode())
            pool.close()
            os._exit(0)
        os.waitpid(forked, 0)
        os.close(writer)
        with os.fdopen(reader) as answer:
            theirs = int(answer.read())

        assert theirs != ours
        assert not runs(theirs)
        assert child_of(pool, out_dir) == ours


def test_a_child_imports_no_framework_and_gets_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    from magicroll.imaging import decoder

    monkeypatch.setenv("MAGICROLL_SECRET_KEY", "secret")
    code = (
        "import sys, os, magicroll.imaging.decoder_child;"
        "print(sorted({'django', 'celery', 'numpy', 'onnxruntime'} & set(sys.modules)), len(os.environ),"
        " 'secret' in str(os.environ))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=decoder._environment(), capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("[] ")
    assert done.stdout.rstrip().endswith("False")


def test_jobs_and_answers_survive_the_pipe() -> None:
    job = Job(Path("/a b/\udce9 'ü\n.jpg"), Path("/out"))

    assert read_job(write_job(job)) == job
    assert read_answer(write_answer(Failure(Trouble.MEMORY, "much"))) == Failure(Trouble.MEMORY, "much")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"7",
        b"{}",
        b'{"picture": {}}',
        b'{"refused": {"code": "bad", "message": ""}}',
        b'{"other": 1}',
        b'{"failure": 7}',
        b'{"a": 1, "b": 2}',
    ],
)
def test_anything_but_an_answer_is_an_error(line: bytes) -> None:
    with pytest.raises((ValueError, LookupError, TypeError, AttributeError)):
        read_answer(line)
