// Rows of photos that keep their shapes: pure arithmetic, from the pictures' own width and height.

const SLIMMEST = 0.42; // width / height; a phone's long screenshot keeps a width one can see
const WIDEST_PER_ROW = 0.6; // a panorama is cropped before its row gets lower than this part of the others
const TINY_PX = 120; // a picture that is smaller keeps its own size: blown up it is a blur
const LARGEST_ZOOM = 2; // a strip of few pixels is shown whole rather than as a blurred part

/** How high rows stand: what the person chose, in proportion on narrow windows. */
export function rowHeight() {
  const share = innerWidth < 640 ? 6 / 11 : innerWidth < 1100 ? 19 / 22 : 1;
  return Math.round((document.body.dataset.row || 220) * share);
}

export const isTiny = (wide, high) => Math.max(wide, high) < TINY_PX;
export const isWhole = (high, shown) => high * LARGEST_ZOOM < shown;

/** The width of a photo in a row of height 1, as the grid shows it. */
export function ratioOf(wide, high, row, width = Infinity) {
  const own = isTiny(wide, high) ? wide / row : Infinity; // no wider a cell than it can fill
  return Math.max(SLIMMEST, Math.min(wide / high || 1, own, width / (row * WIDEST_PER_ROW)));
}

/** Whole pixels along one line: what is cut off one width is added to the next, so that the line's end is exact. */
export function wholePixels() {
  let left = 0.01;
  return (px) => {
    const whole = Math.floor(px + left);
    left += px - whole;
    return whole;
  };
}

/** Break blocks, ratio * height + fixed wide, into lines of nearly one height, as TeX breaks paragraphs.
 *  A line is stretched at most so far, and the last one not at all if `open`. */
export function breakLines(blocks, width, row, between, open, stretch = Infinity) {
  const lines = [{ cost: 0 }];
  for (let end = 1; end <= blocks.length; end += 1) {
    let best = { cost: Infinity };
    let [ratio, room] = [0, width + between];
    for (let start = end - 1; start >= 0; start -= 1) {
      ratio += blocks[start].ratio;
      room -= between + blocks[start].fixed;
      let height = Math.max(1, room / ratio);
      let cost = lines[start].cost + Math.log(height / row) ** 2;
      if (height > row && open && end === blocks.length) [height, cost] = [row, lines[start].cost];
      else if (height > row * stretch) [height, cost] = [row, lines[start].cost + 0.1];
      if (cost < best.cost) best = { cost, start, end, height };
      if (height < row / 2) break;
    }
    lines.push(best);
  }
  const found = [];
  for (let end = blocks.length; end > 0; end = lines[end].start) found.unshift(lines[end]);
  return found.map((line) => ({ blocks: blocks.slice(line.start, line.end), height: line.height }));
}
