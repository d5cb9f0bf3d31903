"""Draw a reliability plot: what was said against what is so. Pillow alone."""

from pathlib import Path

from PIL import Image, ImageDraw

from tagging.evaluation.metrics import Bin

SIDE, MARGIN, FOOT = 480, 48, 80  # pixels: the square, around it, and the columns of counts below
_INK, _FAINT, _DOT, _LINE = "#1f2328", "#d0d7de", "#0969da", "#8c959f"
_SMALLEST, _LARGEST = 3, 14


def draw_reliability(bins: list[Bin], title: str, file: Path) -> None:
    """Write a PNG: a dot per bin, larger with more cells, and the diagonal that perfect words would lie on."""
    image = Image.new("RGB", (SIDE + 2 * MARGIN, SIDE + 3 * MARGIN + FOOT), "white")
    draw = ImageDraw.Draw(image)
    draw.text((MARGIN, MARGIN // 3), title, fill=_INK)
    _axes(draw)
    most = max((one.n for one in bins), default=0) or 1
    dots = [one for one in bins if one.n]
    draw.line([_place(one.said, one.so) for one in dots], fill=_DOT, width=2)
    for one in dots:
        x, y = _place(one.said, one.so)
        r = _SMALLEST + (_LARGEST - _SMALLEST) * (one.n / most) ** 0.25
        draw.ellipse((x - r, y - r, x + r, y + r), fill=_DOT)
    _columns(draw, bins)
    image.save(file, "PNG", optimize=True)


def _place(said: float, so: float) -> tuple[float, float]:
    return MARGIN + said * SIDE, MARGIN + (1.0 - so) * SIDE


def _axes(draw: ImageDraw.ImageDraw) -> None:
    for tenth in range(0, 11, 2):
        share = tenth / 10
        draw.line([_place(share, 0), _place(share, 1)], fill=_FAINT)
        draw.line([_place(0, share), _place(1, share)], fill=_FAINT)
        draw.text((_place(share, 0)[0] - 8, MARGIN + SIDE + 4), f"{share:.1f}", fill=_INK)
        draw.text((MARGIN - 26, _place(0, share)[1] - 6), f"{share:.1f}", fill=_INK)
    draw.line([_place(0, 0), _place(1, 1)], fill=_LINE, width=1)
    draw.text(
        (MARGIN, MARGIN + SIDE + 20), "probability that was said, against the share that is so", fill=_INK
    )


def _columns(draw: ImageDraw.ImageDraw, bins: list[Bin]) -> None:
    """Write how many cells each bin has, below it."""
    for i, one in enumerate(bins):
        x, _ = _place((i + 0.5) / len(bins), 0)
        draw.text((x - 14, MARGIN + SIDE + 44), f"{one.n}", fill=_INK)
    draw.text((MARGIN, MARGIN + SIDE + 62), "photos x tags in each tenth", fill=_INK)
