"""What goes over the pipes between the pool and a decoder child: one JSON object a line, each way."""

import json
import re
import typing
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True, slots=True)
class Failure:
    """The child ran into trouble of its own. It ends after telling so, and another takes its place."""

    trouble: Trouble
    detail: str


_FACT_TYPES = typing.get_type_hints(Metadata)

Answer = Picture | ImageRefused | Failure | OSError


def write_job(job: Job) -> bytes:
    return _line({"source": str(job.source), "out_dir": str(job.out_dir)})


def read_job(line: bytes) -> Job:
    fields = json.loads(line)
    return Job(Path(fields["source"]), Path(fields["out_dir"]))


def write_answer(answer: Answer) -> bytes:
    match answer:
        case Picture():
            fields = asdict(answer)
            taken_at = answer.metadata.taken_at
            fields["metadata"]["taken_at"] = taken_at.isoformat() if taken_at else None
            return _line({"picture": fields})
        case ImageRefused(code=code, message=message):
            return _line({"refused": {"code": code, "message": message}})
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
        case "refused":
            return ImageRefused(RefusalCode(fields["code"]), str(fields["message"]))
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
    return Picture(kind=kind, mime=kind.mime, dominant_colour=colour, metadata=metadata, **sizes)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a fact")


def _line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode() + b"\n"
