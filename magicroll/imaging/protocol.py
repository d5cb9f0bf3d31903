"""What goes over the pipes between the pool and a decoder child: one JSON object a line, each way."""

import json
import re
import typing
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from magicroll.imaging.keywords import Keyword, Keywords, bounded
from magicroll.imaging.metadata import MAX_TEXT_CHARS, Metadata
from magicroll.imaging.picture import ImageRefused, Picture, RefusalCode
from magicroll.imaging.sniff import Kind

READY = b'{"ready": true}\n'


class Trouble(StrEnum):
    """Why a decoder could not say anything about a file."""

    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASH = "crash"


@dataclass(frozen=True, slots=True)
class Job:
    source: Path
    out_dir: Path
    turns: int = 0


@dataclass(frozen=True, slots=True)
class SidecarJob:
    """An .xmp file to read the keywords of."""

    sidecar: Path


@dataclass(frozen=True, slots=True)
class Failure:
    """The child ran into trouble of its own. It ends after telling so, and another takes its place."""

    trouble: Trouble
    detail: str


_FACT_TYPES = typing.get_type_hints(Metadata)

# None: the file beside a photo is no XMP.
Answer = Picture | Keywords | ImageRefused | Failure | OSError | None


def write_job(job: Job | SidecarJob) -> bytes:
    if isinstance(job, SidecarJob):
        return _line({"sidecar": str(job.sidecar)})
    return _line({"source": str(job.source), "out_dir": str(job.out_dir), "turns": job.turns})


def read_job(line: bytes) -> Job | SidecarJob:
    fields = json.loads(line)
    if "sidecar" in fields:
        return SidecarJob(Path(fields["sidecar"]))
    return Job(Path(fields["source"]), Path(fields["out_dir"]), int(fields["turns"]))


def write_answer(answer: Answer) -> bytes:
    match answer:
        case Picture():
            fields = asdict(answer)
            taken_at = answer.metadata.taken_at
            fields["metadata"]["taken_at"] = taken_at.isoformat() if taken_at else None
            return _line({"picture": fields})
        case Keywords() | None:
            return _line({"keywords": asdict(answer) if answer else None})
        case ImageRefused(code=code, text=text, values=values):
            return _line({"refused": {"code": code, "text": text, "values": values}})
        case Failure(trouble=trouble, detail=detail):
            return _line({"failure": {"trouble": trouble, "detail": detail}})
        case OSError():
            return _line({"oserror": {"errno": answer.errno, "strerror": answer.strerror}})


def read_answer(line: bytes) -> Answer:
    """Read an answer; raises ValueError, LookupError or TypeError where a child wrote anything else.

    A decoder that was taken over by the file it read may write what it likes: everything is checked.
    """
    (name, fields), *more = json.loads(line, parse_constant=_refuse_constant).items()
    if more:
        raise ValueError("an answer is one thing")
    match name:
        case "picture":
            return _picture(fields)
        case "keywords":
            return None if fields is None else _keywords(fields)
        case "refused":
            values = {str(name): _text(value) for name, value in fields["values"].items()}
            return ImageRefused(RefusalCode(fields["code"]), _text(fields["text"]), **values)
        case "failure":
            return Failure(Trouble(fields["trouble"]), str(fields["detail"]))
        case "oserror":
            return OSError(fields["errno"], fields["strerror"])
        case _:
            raise ValueError("not an answer")


def _picture(fields: dict[str, Any]) -> Picture:
    facts: dict[str, Any] = dict(fields["metadata"])
    taken_at = facts.pop("taken_at")
    for fact, value in facts.items():
        if not isinstance(value, _FACT_TYPES[fact]) or len(str(value)) > MAX_TEXT_CHARS:
            raise ValueError("not a camera fact")
    metadata = Metadata(taken_at=datetime.fromisoformat(taken_at) if taken_at else None, **facts)
    kind = Kind(fields["kind"])
    sizes = {name: int(value) for name, value in fields.items() if name.endswith(("width", "height"))}
    colour = str(fields["dominant_colour"])
    if min(sizes.values()) < 1 or not re.fullmatch("#[0-9a-f]{6}", colour):
        raise ValueError("not a picture")
    keywords = _keywords(fields["keywords"])
    return Picture(
        kind=kind, mime=kind.mime, dominant_colour=colour, metadata=metadata, keywords=keywords, **sizes
    )


def _keywords(fields: dict[str, Any]) -> Keywords:
    added = [Keyword(_text(word["name"]), tuple(map(_text, word["above"]))) for word in fields["added"]]
    rejected, caption = map(_text, fields["rejected"]), _text(fields["caption"])
    return bounded(added, rejected, is_ours=fields["is_ours"] is True, caption=caption)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a word")
    value.encode()  # a lone surrogate can be stored nowhere; UnicodeEncodeError is a ValueError
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a fact")


def _line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode() + b"\n"
