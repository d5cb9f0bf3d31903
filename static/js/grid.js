// Justified rows. Every size is computed from the pictures' own width and height, before they arrive.
//
// <ul class="photos"> alone fills rows (data-rows="1": exactly one). Inside .roll, short days and short
// months share a line, so that a sparse year is not a column of single photos.

const SLIMMEST = 0.42; // width / height; a phone's long screenshot keeps a width one can see
const WIDEST_PER_ROW = 0.6; // a panorama is cropped before its row gets lower than this part of the others
const SHORTENED = 2.4; // a panorama may be cropped to this, where a row before it would stay half empty

/** Split blocks into lines and give each line the height at which it fills `width`.
 *  A block is {ratio, fixed, least}: at height h it is max(least, ratio * h + fixed) wide. */
function fill(blocks, width, height, between, stretch) {
  const lines = [];
  let line = [];
  for (const block of blocks) {
    if (line.length > 0) {
      const without = fittingHeight(line, width, between);
      const withIt = fittingHeight([...line, block], width, between);
      const closer = withIt >= height || (withIt >= height * 0.78 && height / withIt <= without / height);
      if (!closer && block.picture && without > height * stretch && block.ratio > SHORTENED) {
        const taken = line.reduce((sum, one) => sum + one.ratio, 0) * height + between * line.length;
        block.ratio = Math.max(SHORTENED, (width - taken) / height);
      } else if (!closer) {
        lines.push({ blocks: line, height: without > height * stretch ? height : without });
        line = [];
      }
    }
    line.push(block);
  }
  if (line.length > 0) {
    lines.push({ blocks: line, height: Math.min(height, fittingHeight(line, width, between)) });
  }
  return lines;
}

function fittingHeight(line, width, between) {
  let room = width - between * (line.length - 1);
  let flexible = line;
  for (;;) {
    const fixed = flexible.reduce((sum, block) => sum + block.fixed, 0);
    const ratio = flexible.reduce((sum, block) => sum + block.ratio, 0);
    const height = Math.max(1, (room - fixed) / ratio);
    const narrow = flexible.filter((block) => block.ratio * height + block.fixed < block.least);
    if (narrow.length === 0 || narrow.length === flexible.length) return height;
    room -= narrow.reduce((sum, block) => sum + block.least, 0);
    flexible = flexible.filter((block) => !narrow.includes(block));
  }
}

function measure(list) {
  return Array.from(list.children, (cell) => {
    const picture = cell.querySelector("img");
    const ratio = picture.getAttribute("width") / picture.getAttribute("height");
    return { cell, picture, ratio: Math.max(SLIMMEST, ratio || 1), fixed: 0, least: 0 };
  });
}

function place(photo, width, height) {
  const { cell, picture } = photo;
  if (cell.laidAs === width * 10000 + height) return;
  cell.laidAs = width * 10000 + height;
  if (cell.dataset.colour) cell.style.backgroundColor = cell.dataset.colour;
  cell.style.width = `${width}px`;
  cell.style.height = `${height}px`;
  picture.sizes = `${Math.ceil(width)}px`;
}

/** Whole pixels along one line: what is cut off one width is added to the next, so that the line's end is exact. */
function wholePixels() {
  let left = 0.01;
  return (px) => {
    const whole = Math.floor(px + left);
    left += px - whole;
    return whole;
  };
}

function placeRows(list, photos, width, row, gap) {
  const widest = width / (row * WIDEST_PER_ROW);
  for (const photo of photos) photo.ratio = Math.min(photo.ratio, widest);
  const only = Number(list.dataset.rows) || Infinity;
  const lines = fill(photos, width, row, gap, 1.7);
  let total = -gap;
  lines.forEach((line, number) => {
    const [height, whole] = [Math.round(line.height), wholePixels()];
    for (const photo of line.blocks) {
      photo.cell.hidden = number >= only;
      place(photo, Math.min(width, whole(photo.ratio * line.height)), height);
    }
    if (number < only) total += height + gap;
  });
  list.style.height = `${Math.max(0, total)}px`;
  list.classList.add("laid");
}

function placeLine(days, exact, whole = wholePixels()) {
  const height = Math.round(exact);
  for (const day of days) {
    let width = -day.gap;
    for (const photo of day.photos) {
      const own = whole(photo.ratio * exact);
      place(photo, own, height);
      width += own + day.gap;
    }
    day.list.style.height = `${height}px`;
    day.element.style.width = `${width}px`;
    day.list.classList.add("laid");
  }
}

function readDay(element, gap) {
  const list = element.querySelector(".photos");
  const photos = measure(list);
  const ratio = photos.reduce((sum, photo) => sum + photo.ratio, 0);
  return { element, list, photos, ratio, fixed: gap * (photos.length - 1), least: 0, gap };
}

function readMonth(element, gap, dayGap) {
  const days = Array.from(element.querySelectorAll(":scope > .days > .day"), (day) => readDay(day, gap));
  const ratio = days.reduce((sum, day) => sum + day.ratio, 0);
  const fixed = days.reduce((sum, day) => sum + day.fixed, 0) + dayGap * (days.length - 1);
  const heading = element.querySelector("h2");
  const end = heading.lastElementChild.getBoundingClientRect().right;
  return { element, days, ratio, fixed, least: Math.ceil(end - heading.getBoundingClientRect().left) };
}

function placeLongMonth(month, width, { row, gap, dayGap }) {
  month.element.style.width = "100%";
  let short = [];
  const flush = () => {
    for (const line of fill(short, width, row, dayGap, 1.3)) placeLine(line.blocks, line.height);
    short = [];
  };
  for (const day of month.days) {
    if (day.ratio * row * 0.8 + day.fixed <= width) {
      short.push(day);
    } else {
      flush();
      day.element.style.width = "100%";
      placeRows(day.list, day.photos, width, row, gap);
    }
  }
  flush();
}

function placeMonths(months, width, { row, dayGap, monthGap }) {
  for (const line of fill(months, width, row, monthGap, 1.3)) {
    const whole = wholePixels();
    for (const month of line.blocks) {
      placeLine(month.days, line.height, whole);
      const own = month.days.reduce((sum, day) => sum + parseFloat(day.element.style.width) + dayGap, -dayGap);
      month.element.style.width = `${Math.max(own, Math.min(month.least, width))}px`;
    }
  }
}

function layRoll(roll, width, look) {
  let short = [];
  const months = Array.from(roll.querySelectorAll(":scope > .month"), (one) => readMonth(one, look.gap, look.dayGap));
  for (const month of months) {
    if (month.ratio * look.row * 0.8 + month.fixed <= width) {
      short.push(month);
    } else {
      placeMonths(short, width, look);
      short = [];
      placeLongMonth(month, width, look);
    }
  }
  placeMonths(short, width, look);
}

/** Lay out one .roll or stand-alone .photos. */
export function lay(root) {
  const width = root.clientWidth;
  if (width === 0) return;
  root.laidWidth = width;
  const style = getComputedStyle(root);
  const [row, gap, dayGap, monthGap] = ["--row", "--gap", "--day-gap", "--month-gap"].map((name) =>
    parseFloat(style.getPropertyValue(name)),
  );
  if (root.matches(".roll")) layRoll(root, width, { row, gap, dayGap, monthGap });
  else placeRows(root, measure(root), width, row, gap);
}

const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) if (target.clientWidth !== target.laidWidth) lay(target);
});

/** A month or day that goes on in the next page is one month, one day. */
export function join(roll) {
  for (const month of roll.querySelectorAll(":scope > .month")) {
    const before = month.previousElementSibling;
    if (before?.dataset.month !== month.dataset.month) continue;
    for (const day of month.querySelectorAll(".day")) {
      const last = before.querySelector(".day:last-child");
      if (last?.dataset.day === day.dataset.day) {
        last.querySelector(".photos").append(...day.querySelector(".photos").children);
      } else {
        before.querySelector(".days").append(day);
      }
    }
    month.remove();
  }
}

/** Lay out every grid in `scope` and keep it laid out. */
export function start(scope = document) {
  for (const root of scope.querySelectorAll(".roll, .photos")) {
    if (root.matches(".roll .photos")) continue;
    if (root.matches(".roll")) join(root);
    lay(root);
    sizes.observe(root);
  }
}
