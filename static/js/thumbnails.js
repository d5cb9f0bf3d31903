// Small pictures of chosen files, made in the browser: only for rows in view, one at a time.

const SIDE_PX = 80; // 40 CSS pixels on a dense screen
const waiting = [];
let busy = false;

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    seen.unobserve(entry.target);
    waiting.push(entry.target);
  }
  next();
});
const files = new WeakMap();

export function thumbnail(file, place) {
  files.set(place, file);
  seen.observe(place);
}

async function next() {
  if (busy || !waiting.length) return;
  busy = true;
  const place = waiting.shift();
  try {
    if (!place.firstChild) await draw(files.get(place), place); // else the server's was quicker
  } catch {
    place.classList.add("unknown"); // not a picture, or one this browser can't read (HEIC): the server will say
  }
  busy = false;
  next();
}

async function draw(file, place) {
  const picture = await decode(file);
  if (place.firstChild) return; // the server's was quicker
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE_PX;
  const side = Math.min(picture.width, picture.height);
  const [left, top] = [(picture.width - side) / 2, (picture.height - side) / 2];
  canvas.getContext("2d").drawImage(picture, left, top, side, side, 0, 0, SIDE_PX, SIDE_PX);
  picture.close?.();
  place.append(canvas);
}

async function decode(file) {
  if (window.createImageBitmap) return createImageBitmap(file);
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await image.decode();
  } finally {
    URL.revokeObjectURL(image.src);
  }
  return image;
}
