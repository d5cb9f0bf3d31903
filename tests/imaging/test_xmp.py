from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from struct import pack

import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from magicroll.imaging.keywords import MAX_LEVELS, MAX_WORDS, Keyword, Keywords, bounded
from magicroll.imaging.xmp import MAX_XMP_BYTES, BadXmp, find_xmp, parse_xmp, read_sidecar_keywords
from magicroll.imaging.xmp_writer import Description, is_as_written, write_xmp

from .conftest import Process

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
NAMESPACES = (
    ("dc", "http://purl.org/dc/elements/1.1/"),
    ("lr", "http://ns.adobe.com/lightroom/1.0/"),
    ("digiKam", "http://www.digikam.org/ns/1.0/"),
    ("MicrosoftPhoto", "http://ns.microsoft.com/photo/1.0/"),
    ("magicroll", "urn:magicroll:xmp:1.0/"),
    ("mwg-rs", "http://www.metadataworkinggroup.com/schemas/regions/"),
)
UTAH = ("carol m. highsmith", "america", "utah", "utah winter scenes", "thompson springs")


def packet(properties: str, attributes: str = "") -> bytes:
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES)
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about="" {spaces} {attributes}>{properties}'
        '</rdf:Description></rdf:RDF></x:xmpmeta>   \n<?xpacket end="w"?>'
    ).encode()


def bag(name: str, *words: str, kind: str = "Bag") -> str:
    items = "".join(f"\n <rdf:li>{word}</rdf:li>" for word in words)
    return f"<{name}>\n<rdf:{kind}>{items}\n</rdf:{kind}>\n</{name}>\n"


def names(keywords: Keywords) -> list[str]:
    return [word.name for word in keywords.added]


DOG = packet(bag("dc:subject", "Dog", "Fluffy &amp; Rex"))
DOG_AND_REX = Keywords((Keyword("Dog"), Keyword("Fluffy & Rex")))


def test_words_and_trees_of_words_are_read() -> None:
    properties = (
        bag("dc:subject", "Dog")
        + bag("lr:hierarchicalSubject", "Animals|Dog")
        + bag("digiKam:TagsList", "People/Marie", kind="Seq")
        + bag("MicrosoftPhoto:LastKeywordXMP", "Places/Utah")
        + bag("magicroll:rejected", "Cat", kind="Alt")
    )
    keywords = parse_xmp(packet(properties, 'magicroll:version="1"'))
    expected = {
        Keyword("Dog"), Keyword("Dog", ("Animals",)), Keyword("Marie", ("People",)), Keyword("Utah", ("Places",))
    }  # fmt: skip
    assert set(keywords.added) == expected
    assert (keywords.rejected, keywords.is_ours) == (("Cat",), True)


def test_a_word_alone_may_stand_as_text_or_attribute() -> None:
    assert names(parse_xmp(packet("<dc:subject>Dog</dc:subject>"))) == ["Dog"]
    assert names(parse_xmp(packet("", 'dc:subject="Dog"'))) == ["Dog"]


def test_words_of_parts_of_a_photo_are_not_the_photos() -> None:
    region = f'<rdf:Description mwg-rs:Name="x">{bag("dc:subject", "Nose")}</rdf:Description>'
    regions = f"<mwg-rs:Regions><rdf:Bag><rdf:li>{region}</rdf:li></rdf:Bag></mwg-rs:Regions>"
    assert names(parse_xmp(packet(regions + bag("dc:subject", "Dog")))) == ["Dog"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1"])
def test_the_encoding_is_what_the_file_says(encoding: str) -> None:
    text = packet(bag("dc:subject", "Käse")).decode().replace("\ufeff", "")
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    assert names(parse_xmp(f'<?xml version="1.0" encoding="{declared}"?>{text}'.encode(encoding))) == ["Käse"]


BILLION_LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>""" + DOG.replace(
    b"Dog", b"&c;"
)
OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>' + DOG.replace(b"Dog", b"&a;")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no XML at all",
        b"\xff\xfe\x00broken",
        b"<x/>",
        DOG[: len(DOG) // 2],
        DOG + b"<more/>",
        DOG.replace(b"Dog", b"\xff\xfe"),
        DOG.replace(b"Dog", b"&undefined;"),
        b'<?xml version="1.0" encoding="no-such-thing"?>' + DOG,
        b"<x>" * 100_000,
        BILLION_LAUGHS,
        OUTSIDE,
        b"<!DOCTYPE x>" + DOG,
        DOG + b" " * MAX_XMP_BYTES + b"<!-- -->",
    ],
)
def test_what_may_not_be_read_is_no_xmp(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(BadXmp):
        parse_xmp(content)
    (tmp_path / "a.xmp").write_bytes(content)
    assert read_sidecar_keywords(tmp_path / "a.xmp") is None


def test_words_are_bounded_in_number_length_and_depth() -> None:
    many = parse_xmp(packet(bag("dc:subject", *(f"word {n}" for n in range(20_000)))))
    assert len(many.added) == MAX_WORDS
    long = parse_xmp(
        packet(bag("dc:subject", "y" * 81, "x" * 80) + bag("lr:hierarchicalSubject", "|" * 100_000))
    )
    assert names(long) == ["x" * 80]
    deep = parse_xmp(packet(bag("lr:hierarchicalSubject", "|".join("abcdefghijklmno"))))
    assert deep.added == (Keyword("o", tuple("ghijklmn")),)
    assert len(deep.added[0].above) == MAX_LEVELS
    heavy = parse_xmp(packet(bag("dc:subject", *(f"{n:080}" for n in range(MAX_WORDS)))))
    assert len(heavy.added) == 250  # 20,000 characters


def with_png(image: Image.Image, xmp: bytes) -> bytes:
    info, buffer = PngInfo(), BytesIO()
    info.add_itxt("XML:com.adobe.xmp", xmp.decode(), zip=True)
    image.save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def with_heif(image: Image.Image, xmp: bytes) -> bytes:
    buffer = BytesIO()
    heif = pillow_heif.from_pillow(image)
    heif.info["xmp"] = xmp
    heif.save(buffer)
    return buffer.getvalue()


def with_tiff(image: Image.Image, xmp: bytes) -> bytes:
    tags, buffer = ImageFileDirectory_v2(), BytesIO()
    tags[700] = xmp
    image.save(buffer, "TIFF", tiffinfo=tags)
    return buffer.getvalue()


def with_(image_format: str) -> Callable[[Image.Image, bytes], bytes]:
    def save(image: Image.Image, xmp: bytes) -> bytes:
        buffer = BytesIO()
        image.save(buffer, image_format, xmp=xmp)
        return buffer.getvalue()

    return save


FORMATS = {
    "jpeg": with_("JPEG"), "webp": with_("WEBP"), "avif": with_("AVIF"),
    "png": with_png, "tiff": with_tiff, "heic": with_heif,
}  # fmt: skip


@pytest.mark.parametrize("image_format", FORMATS)
def test_each_format_brings_its_words_along(
    image_format: str, photo: Image.Image, tmp_path: Path, look: Process
) -> None:
    path = tmp_path / "a"
    path.write_bytes(FORMATS[image_format](photo, DOG))
    picture = look(path)
    assert (picture.kind, picture.keywords) == (image_format, DOG_AND_REX)


def test_a_packet_that_makes_no_sense_costs_the_words_and_not_the_photo(
    photo: Image.Image, tmp_path: Path, look: Process
) -> None:
    for number, broken in enumerate((BILLION_LAUGHS, DOG[:300], b"\0" * 100)):
        path = tmp_path / f"{number}.jpg"
        photo.save(path, "JPEG", xmp=broken)
        assert look(path).keywords == Keywords()


def test_fifty_megabytes_of_words_are_passed_over(photo: Image.Image, tmp_path: Path, look: Process) -> None:
    words = bag("dc:subject", *(f"word {n:060}" for n in range(700_000)))
    (tmp_path / "a").write_bytes(with_tiff(photo, packet(words)))
    assert (tmp_path / "a").stat().st_size > 50_000_000
    picture = look(tmp_path / "a")
    assert (picture.width, picture.keywords) == (300, Keywords())


def iptc(*words: bytes, charset: bytes = b"") -> bytes:
    datasets = [(1, 90, charset)] if charset else []
    datasets += [(2, 0, b"\0\4"), *((2, 25, word) for word in words)]
    return b"".join(
        b"\x1c" + pack(">BBH", *numbers, len(content)) + content for *numbers, content in datasets
    )


def with_iptc(image: Image.Image, block: bytes, xmp: bytes = b"") -> bytes:
    """Save a JPEG with a Photoshop segment, which Pillow reads but doesn't write."""
    buffer = BytesIO()
    image.save(buffer, "JPEG", xmp=xmp)
    resource = b"8BIM" + pack(">HBBI", 0x0404, 0, 0, len(block)) + block + b"\0" * (len(block) % 2)
    segment = b"Photoshop 3.0\0" + resource
    return (
        buffer.getvalue()[:2] + b"\xff\xed" + pack(">H", len(segment) + 2) + segment + buffer.getvalue()[2:]
    )


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (iptc("Käse".encode(), charset=b"\x1b%G"), ["Käse"]),
        (iptc("Käse".encode()), ["Käse"]),
        (iptc("Käse".encode("latin-1")), ["Käse"]),
        (iptc("Käse".encode("latin-1"), b"Frost", charset=b"\x1b%G"), ["Käse", "Frost"]),
        (iptc(b"\xc3\xa4", charset=b"\x1b.A"), ["Ã¤"]),
        (iptc(b"Frost", b"Yard")[:-2], ["Frost"]),
        (iptc(b"Frost") + b"\x1c\x02\x19\xff\xff" + b"x" * 20, ["Frost"]),
        (b"nothing of the kind", []),
    ],
)
def test_iptc_words_are_read_in_their_charset(
    block: bytes, expected: list[str], photo: Image.Image, tmp_path: Path, look: Process
) -> None:
    (tmp_path / "a.jpg").write_bytes(with_iptc(photo, block))
    assert names(look(tmp_path / "a.jpg").keywords) == expected


def test_iptc_counts_only_where_xmp_has_no_words(photo: Image.Image, tmp_path: Path, look: Process) -> None:
    (tmp_path / "a.jpg").write_bytes(with_iptc(photo, iptc(b"Fluffy & R"), DOG))
    assert look(tmp_path / "a.jpg").keywords == DOG_AND_REX
    (tmp_path / "b.jpg").write_bytes(with_iptc(photo, iptc(b"Frost"), packet("")))
    assert names(look(tmp_path / "b.jpg").keywords) == ["Frost"]


@pytest.mark.parametrize("kind", [7, 4])
def test_iptc_of_a_tiff_may_be_called_bytes_or_numbers(
    kind: int, photo: Image.Image, tmp_path: Path, look: Process
) -> None:
    block = iptc(b"Frost") + b"\0" * (-len(iptc(b"Frost")) % 4)
    tags = ImageFileDirectory_v2()
    tags.tagtype[33723] = 7
    tags[33723] = block
    photo.save(tmp_path / "a.tif", "TIFF", tiffinfo=tags)
    content = (tmp_path / "a.tif").read_bytes()
    entry = content.index(pack("<HHI", 33723, 7, len(block)))
    count = len(block) if kind == 7 else len(block) // 4
    changed = content[:entry] + pack("<HHI", 33723, kind, count) + content[entry + 8 :]
    (tmp_path / "a.tif").write_bytes(changed)
    assert names(look(tmp_path / "a.tif").keywords) == ["Frost"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gps-position/thompson-springs.jpg", [Keyword(word) for word in UTAH]),
        ("tags/picasa.jpg", [Keyword("Frost"), Keyword("Yard")]),
        (
            "faces/portrait.jpg",
            [Keyword(who, above) for above in (("People",), ()) for who in ("Marie Curie", "Pierre Curie")],
        ),
    ],
)
def test_words_of_real_photos(name: str, expected: list[Keyword], shared_photos: Path, look: Process) -> None:
    found = look(shared_photos / "formats/immich/metadata" / name).keywords
    assert (list(found.added), found.rejected, found.is_ours) == (expected, (), False)


def test_the_file_beside_a_photo_is_found_by_its_name(tmp_path: Path) -> None:
    photo = tmp_path / "IMG_1.jpg"
    assert find_xmp(photo) is None
    (tmp_path / "IMG_1.XMP").touch()
    assert find_xmp(photo) == tmp_path / "IMG_1.XMP"
    (tmp_path / "IMG_1.jpg.xmp").touch()
    assert find_xmp(photo) == tmp_path / "IMG_1.jpg.xmp"
    assert find_xmp(tmp_path / ("x" * 251 + ".jpg")) is None


def described(*texts: tuple[str, str]) -> str:
    items = "".join(f'<rdf:li xml:lang="{language}">{text}</rdf:li>' for language, text in texts)
    return f"<dc:description><rdf:Alt>{items}</rdf:Alt></dc:description>"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (packet(described(("x-default", "At the lake"))), "At the lake"),
        (packet(described(("de", "Am See"), ("x-default", "At the lake"), ("fr", "Au lac"))), "At the lake"),
        (packet(described(("de", "Am See"), ("fr", "Au lac"))), "Am See"),
        (packet("<dc:description>Rex &amp; I\n at home</dc:description>"), "Rex & I\n at home"),
        (packet("", 'dc:description="At the lake"'), "At the lake"),
        (packet(described(("x-default", "SONY DSC"))), ""),
        (packet(described(("x-default", "x" * 9_000))), "x" * 2_000),
        (packet(f"<mwg-rs:Regions>{described(('x-default', 'A face'))}</mwg-rs:Regions>"), ""),
        (DOG, ""),
    ],
)  # fmt: skip
def test_a_caption_is_read_in_the_default_language_or_else_the_first(content: bytes, expected: str) -> None:
    assert parse_xmp(content).caption == expected


def test_iptc_s_caption_counts_only_where_xmp_has_none(
    photo: Image.Image, tmp_path: Path, look: Process
) -> None:
    block = iptc(b"Frost") + b"\x1c\x02\x78\x00\x06At hom"
    (tmp_path / "a.jpg").write_bytes(with_iptc(photo, block))
    assert look(tmp_path / "a.jpg").keywords == Keywords((Keyword("Frost"),), caption="At hom")
    (tmp_path / "b.jpg").write_bytes(with_iptc(photo, block, packet(described(("x-default", "At home")))))
    assert look(tmp_path / "b.jpg").keywords == Keywords((Keyword("Frost"),), caption="At home")
    (tmp_path / "c.jpg").write_bytes(with_iptc(photo, block, packet("", 'magicroll:version="1"')))
    assert look(tmp_path / "c.jpg").keywords == Keywords(is_ours=True)


# Round trip: what is written reads back the same.

WORD = st.text(st.characters(codec="utf-8"), min_size=1, max_size=90)
KEYWORD = st.builds(Keyword, WORD, st.lists(WORD, max_size=3).map(tuple))
XML_CAN_CARRY = st.characters(codec="utf-8", exclude_categories=("Cc",), exclude_characters="\ufffe\uffff|")
PLAIN = st.builds(
    Keyword,
    st.text(XML_CAN_CARRY, min_size=1, max_size=80),
    st.lists(st.text(XML_CAN_CARRY, min_size=1, max_size=80), max_size=3).map(tuple),
)


@given(
    st.lists(PLAIN, max_size=8),
    st.lists(st.text(XML_CAN_CARRY, max_size=80), max_size=8),
    st.text(XML_CAN_CARRY | st.just("\n"), max_size=80),
    st.booleans(),
)
def test_what_xml_can_carry_reads_back_the_same(
    added: list[Keyword], rejected: list[str], caption: str, favourite: bool
) -> None:
    said = bounded(added, rejected, is_ours=True, caption=caption)
    content = write_xmp(Description(said, favourite=favourite, caption=said.caption))
    found = parse_xmp(content)
    flat = {Keyword(word.name) for word in said.added}
    assert set(found.added) == flat | {word for word in said.added if word.above}
    assert set(found.rejected) == set(said.rejected)
    assert found.caption == said.caption
    assert found.is_ours
    assert is_as_written(content)


@given(st.lists(KEYWORD, max_size=8), st.lists(WORD, max_size=8), WORD)
def test_whatever_is_said_makes_valid_xmp(added: list[Keyword], rejected: list[str], caption: str) -> None:
    content = write_xmp(Description(Keywords(tuple(added), tuple(rejected)), caption=caption))
    assert parse_xmp(content).is_ours
    assert write_xmp(Description(Keywords(tuple(added), tuple(rejected)), caption=caption)) == content


@given(st.binary(max_size=300))
def test_any_bytes_are_xmp_or_not_and_nothing_else_happens(content: bytes) -> None:
    with pytest.raises(BadXmp):
        parse_xmp(content)


def test_a_changed_sidecar_is_no_longer_as_written() -> None:
    content = write_xmp(Description(Keywords((Keyword("Dog"),))))
    assert is_as_written(content)
    assert not is_as_written(content.replace(b"Dog", b"Fox"))
    assert not is_as_written(content + b"\n")
    assert not is_as_written(DOG)
