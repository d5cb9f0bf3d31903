"""Draw the icons of the installed app from the shapes of static/favicon.svg: `python tools/app_icons.py`.

Whoever changes the favicon changes these numbers, and runs it again. `--check` tells whether the files are what
this draws.
"""

import sys
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

ICONS = Path(__file__).resolve().parents[1] / "static" / "icons"
UNITS = 24  # of the favicon's view box
FINER = 8  # drawn so much larger, then scaled down
GROUND, HILLS, STAR = "#4b44dd", "#ffffff", "#ffd166"
HILLS_AT = [(5, 17.5), (9.6, 11), (12.6, 14.8), (14.6, 12.2), (19, 17.5)]
STAR_STEPS = [(0.8, 2.1), (2.1, 0.8), (-2.1, 0.8), (-0.8, 2.1), (-0.8, -2.1), (-2.1, -0.8), (2.1, -0.8)]
STAR_FROM = (16.5, 4.6)


def draw(side_px: int, *, maskable: bool = False) -> Image.Image:
    """Draw one icon; a maskable one covers its square, for launchers that cut their own shape out of it.

    Hills and star lie within the middle circle of 80 % that no launcher cuts away.
    """
    side = side_px * FINER
    image = Image.new("RGBA", (side, side), GROUND if maskable else (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    zoom = side / UNITS

    def at(x: float, y: float) -> tuple[float, float]:
        return x * zoom, y * zoom

    if not maskable:
        pen.rounded_rectangle([at(1, 1), at(23, 23)], 6 * zoom, fill=GROUND)
    pen.polygon([at(x, y) for x, y in HILLS_AT], fill=HILLS)
    pen.polygon([at(x, y) for x, y in star()], fill=STAR)
    return image.resize((side_px, side_px), Image.Resampling.LANCZOS)


def star() -> list[tuple[float, float]]:
    """Return the corners of the star."""
    corners = [STAR_FROM]
    for x, y in STAR_STEPS:
        corners.append((corners[-1][0] + x, corners[-1][1] + y))
    return corners


def all_icons() -> dict[str, bytes]:
    """Draw every icon; PNG bytes by file name."""
    drawn = {
        "app-192.png": draw(192),
        "app-512.png": draw(512),
        "app-maskable-512.png": draw(512, maskable=True),
        "app-touch-180.png": draw(180, maskable=True).convert("RGB"),
    }
    return {name: _png(image) for name, image in drawn.items()}


def _png(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def main() -> None:
    if "--check" in sys.argv:
        stale = [name for name, data in all_icons().items() if (ICONS / name).read_bytes() != data]
        sys.exit(f"not as drawn: {', '.join(stale)}" if stale else 0)
    ICONS.mkdir(exist_ok=True)
    for name, data in all_icons().items():
        (ICONS / name).write_bytes(data)
        sys.stdout.write(f"{name} {len(data):,} bytes\n")


if __name__ == "__main__":
    main()
