// The length of a roll: months, days and pieces of days, each with its place before there is a single photo.
import { breakLines, ratioOf, wholePixels } from "./rows.js";

const MONTH_HEAD = 36;
export const DAY_HEAD = 28;
export const HEAD = MONTH_HEAD + DAY_HEAD;
const DAY_FOOT = 12;
const MONTH_FOOT = 16;
const sum = (things, what) => things.reduce((all, thing) => all + thing[what], 0);

/** Read what the server tells of days. A block is what is fetched at once; a piece is what of it lies in one day. */
export function read(told) {
  return extend({ photo: told.photo, months: [], pieces: [], days: new Map(), total: 0 }, told);
}

/** Add to a roll what comes after it; its last month and day may go on. */
export function extend(roll, { seal, block: most, months }) {
  for (const [key, version, cuts] of months) {
    if (roll.months.at(-1)?.key !== key) roll.months.push({ key, version: `${version}-${seal}`, days: [], count: 0 });
    const month = roll.months.at(-1);
    for (const cut of cuts) {
      const parts = Math.ceil(cut[0][1] / most);
      for (let part = 0; part < parts; part += 1) {
        const block = { month, part: parts > 1 ? part : "", pieces: [], count: 0 };
        for (const [number, all, breadth] of cut) {
          const date = `${key}-${number < 10 ? 0 : ""}${number}`;
          const count = parts > 1 ? Math.min(most, all - part * most) : all;
          const day = roll.days.get(date) ?? { month, date, count: 0, ratio: 0, first: roll.total, pieces: [] };
          if (!day.count) month.days.push(day);
          roll.days.set(date, day);
          const piece = { day, block, count, first: roll.total, at: block.count, y: 0 };
          day.count += count;
          day.ratio += ((breadth / 100) * count) / all;
          month.count += count;
          block.from ??= date;
          block.count += count;
          roll.total += count;
          block.pieces.push(piece);
          day.pieces.push(piece);
          roll.pieces.push(piece);
        }
      }
    }
  }
  return roll;
}

/** Give every month, day and piece its width and height. Short months share a line, short days of a month too. */
export function layOut(roll, look) {
  const { width, row, gap, dayGap, monthGap } = look;
  const least = Math.min(width, innerWidth < 640 ? 190 : 260); // for a month's heading
  roll.look = look;
  for (const month of roll.months) {
    for (const day of month.days) day.fixed = day.pieces[1] ? Infinity : gap * (day.count - 1); // in pieces: takes lines of its own
    month.ratio = sum(month.days, "ratio");
    month.fixed = sum(month.days, "fixed") + dayGap * (month.days.length - 1);
    if (month.ratio * row + month.fixed < least) [month.ratio, month.fixed] = [1e-6, least];
  }
  roll.lines = linesOf(roll.months, look, monthGap);
  for (const { blocks, height } of roll.lines) {
    const whole = wholePixels();
    let x = 0;
    for (const month of blocks) {
      month.lines = height ? [{ blocks: month.days, height }] : linesOf(month.days, look, dayGap);
      const ends = month.lines.map((line) => placeDays(line, look, height ? whole : wholePixels()));
      month.x = x;
      month.w = height ? Math.max(month.ratio < 1e-3 ? least : 0, ...ends) : width;
      x += month.w + monthGap;
    }
  }
  stack(roll);
}

/** Lines of what is short enough to share one; what is not has lines of its own, and the height 0 here. */
function linesOf(things, { width, row }, between) {
  const lines = [];
  let short = [];
  const flush = () => {
    lines.push(...breakLines(short, width, row, between, true, 1.3));
    short = [];
  };
  for (const thing of things) {
    if (thing.ratio * row * 0.8 + thing.fixed <= width) short.push(thing);
    else {
      flush();
      lines.push({ blocks: [thing], height: 0 });
    }
  }
  flush();
  return lines;
}

function placeDays({ blocks, height }, { width, row, gap, dayGap }, whole) {
  let x = 0;
  for (const day of blocks) {
    day.x = x;
    day.w = height ? whole(day.ratio * height + day.fixed) : width;
    day.h = Math.round(height);
    day.long = !height;
    x += day.w + dayGap;
    for (const piece of day.pieces) {
      const rows = ((day.ratio * row + gap * day.count) / (width + gap)) * (piece.count / day.count);
      piece.h = day.h || Math.max(1, Math.round(rows)) * (row + gap) - gap;
      piece.boxes = null;
    }
  }
  return x - dayGap;
}

/** Put one under the other what has its height. */
export function stack(roll) {
  roll.height = 0;
  for (const line of roll.lines) {
    line.y = roll.height;
    for (const month of line.blocks) {
      month.y = line.y;
      month.h = MONTH_HEAD;
      for (const { blocks } of month.lines) {
        for (const day of blocks) {
          day.y = month.h;
          if (day.long) {
            day.h = -roll.look.gap;
            for (const piece of day.pieces) {
              piece.y = day.h + roll.look.gap;
              day.h = piece.y + piece.h;
            }
          }
        }
        month.h += DAY_HEAD + blocks[0].h + DAY_FOOT;
      }
    }
    line.h = Math.max(...line.blocks.map((month) => month.h));
    roll.height += line.h + MONTH_FOOT;
  }
}

export const top = ({ day, y }) => day.month.y + day.y + DAY_HEAD + y;

/** The boxes of a piece's photos, where they have come. A long day's piece may get another height: then the roll `isOff`. */
export function boxesOf(roll, piece) {
  const { day, block } = piece;
  if (piece.boxes || !block.photos) return piece.boxes;
  const { width, row, gap } = roll.look;
  const photos = block.photos.slice(piece.at, piece.at + piece.count);
  const blocks = photos.map(([, w, h]) => ({ ratio: ratioOf(w, h, row, width), fixed: 0 }));
  const lines = day.long
    ? breakLines(blocks, width, row, gap, piece === day.pieces.at(-1))
    : [{ blocks, height: (day.w - day.fixed) / sum(blocks, "ratio") }];
  piece.boxes = [];
  let y = 0;
  for (const { blocks: its, height } of lines) {
    const [h, whole] = [day.long ? Math.round(height) : day.h, wholePixels()];
    let x = 0;
    for (const { ratio } of its) {
      const w = whole(Math.min(day.w, ratio * height));
      piece.boxes.push({ x, y, w, h });
      x += w + gap;
    }
    y += h + gap;
  }
  if (piece.h !== y - gap) roll.isOff = true;
  piece.h = y - gap;
  return piece.boxes;
}

/** The place of the first of sorted things that is so. */
export function search(things, isSo) {
  let [low, high] = [0, things.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isSo(things[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}

export const pieceOf = ({ pieces }, rank) => pieces[Math.max(0, search(pieces, (piece) => piece.first > rank) - 1)];
