// Justified rows. Every size is computed from the pictures' own width and height, before they arrive.
//
// <ul class="photos"> fills rows (data-rows="1": exactly one). What is by month and day is timeline.js's.
import { isTiny, isWhole, ratioOf, wholePixels } from "./rows.js";

const SHORTENED = 2.4; // a panorama may be cropped to this, where a row before it would stay half empty
const STRETCHED = 1.7; // the most that a row's height may exceed the others'

/** Split photos into lines, and give each line the height at which it fills `width`. */
function fill(photos, width, height, gap) {
  const heightOf = (line) => Math.max(1, (width - gap * (line.length - 1)) / line.reduce((sum, { ratio }) => sum + ratio, 0));
  const lines = [];
  let line = [];
  for (const photo of photos) {
    if (line.length > 0) {
      const without = heightOf(line);
      const withIt = heightOf([...line, photo]);
      const closer = withIt >= height || (withIt >= height * 0.78 && height / withIt <= without / height);
      if (!closer && without > height * STRETCHED && photo.ratio > SHORTENED) {
        const taken = line.reduce((sum, one) => sum + one.ratio, 0) * height + gap * line.length;
        photo.ratio = Math.max(SHORTENED, (width - taken) / height);
      } else if (!closer) {
        lines.push({ photos: line, height: without > height * STRETCHED ? height : without });
        line = [];
      }
    }
    line.push(photo);
  }
  if (line.length > 0) lines.push({ photos: line, height: Math.min(height, heightOf(line)) });
  return lines;
}

function measure(list, row) {
  return Array.from(list.children, (cell) => {
    const picture = cell.querySelector("img");
    const [wide, high] = ["width", "height"].map((side) => Number(picture.getAttribute(side)));
    picture.classList.toggle("tiny", isTiny(wide, high));
    return { cell, picture, high, ratio: ratioOf(wide, high, row) };
  });
}

function place(photo, width, height) {
  const { cell, picture, high } = photo;
  if (cell.laidAs === width * 10000 + height) return;
  cell.laidAs = width * 10000 + height;
  if (cell.dataset.colour) cell.style.backgroundColor = cell.dataset.colour;
  cell.style.width = `${width}px`;
  cell.style.height = `${height}px`;
  picture.sizes = `${Math.ceil(width)}px`;
  picture.classList.toggle("whole", isWhole(high, height));
}

function placeRows(list, photos, width, row, gap) {
  for (const photo of photos) photo.ratio = Math.min(photo.ratio, ratioOf(Infinity, 1, row, width));
  const only = Number(list.dataset.rows) || Infinity;
  const lines = fill(photos, width, row, gap);
  let total = -gap;
  lines.forEach((line, number) => {
    const [height, whole] = [Math.round(line.height), wholePixels()];
    for (const photo of line.photos) {
      photo.cell.hidden = number >= only;
      place(photo, Math.min(width, whole(photo.ratio * line.height)), height);
    }
    if (number < only) total += height + gap;
  });
  list.style.height = `${Math.max(0, total)}px`;
  list.classList.add("laid");
}

/** Lay out one list of photos. */
export function lay(list) {
  const width = list.clientWidth;
  if (width === 0) return;
  list.laidWidth = width;
  const style = getComputedStyle(list);
  const [row, gap] = ["--row", "--gap"].map((name) => parseFloat(style.getPropertyValue(name)));
  placeRows(list, measure(list, row), width, row, gap);
}

const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) if (target.clientWidth !== target.laidWidth) lay(target);
});

/** Lay out every list and keep it laid out. */
export function start() {
  for (const list of document.querySelectorAll(".photos:not(.roll .photos)")) {
    lay(list);
    sizes.observe(list);
  }
}
