import io

import pillow_heif
import pytest
from PIL import Image

from magicroll.imaging.sniff import HEAD_BYTES, Kind, name_unsupported, sniff

pillow_heif.register_heif_opener()


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_is_known_by_its_content(kind: Kind) -> None:
    out = io.BytesIO()
    Image.new("RGB", (20, 20)).save(out, "HEIF" if kind is Kind.HEIC else kind.name)

    assert sniff(out.getvalue()[:HEAD_BYTES]) is kind
    assert kind.mime.startswith("image/")


@pytest.mark.parametrize(
    "head",
    [b"", b"BM, he said, is a good start for a text, but not for a picture", b"<svg xmlns=''>", b"%PDF-1.7"],
)
def test_other_files_are_none_of_ours(head: bytes) -> None:
    assert sniff(head) is None
    assert name_unsupported(head) is None


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\xff\x0a\xfa\x1f", "a JPEG XL picture"),
        (b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41", "a video"),
        (b"RIFF\0\0\0\0AVI LIST", "a video"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "a camera raw file"),
        (b"II*\0\x10\0\0\0CR\x02\0", "a camera raw file"),
        (b"8BPS\0\x01", "a Photoshop document"),
    ],
)
def test_what_we_know_but_can_not_open_has_a_name(head: bytes, name: str) -> None:
    assert sniff(head) is None
    assert name_unsupported(head) == name
