// Zoom and pan of the picture in a viewer, and swipes: one pointer moves, two pinch, a wheel or two taps zoom.

const BAR_PX = 56;
const SWIPE_PX = 60;
const TAP_MS = 350;
const PREVIEW_PX = 1600;
const roomy = matchMedia("(min-width: 1000px)");
const calm = matchMedia("(prefers-reduced-motion: reduce)");

let stage = null;
let picture = null;
let act = {};
let fitted = { width: 1, height: 1 }; // px, at scale 1
let at = { scale: 1, left: 0, top: 0 };
let pushed = { x: 0, y: 0 }; // by a finger that may be about to swipe
const fingers = new Map();
let lastTap = { time: 0, x: 0, y: 0 };

const clamp = (value, least, most) => Math.min(Math.max(value, least), most);
const side = (name) => Number(picture.getAttribute(name)) || 1; // of the photo, in its own pixels
const most = () => clamp((2 * side("width")) / fitted.width, 4, 32);

/** Take over the picture of a viewer. act: what swipes do, by name. */
export function watch(viewer, swipes) {
  act = swipes;
  fingers.clear();
  const before = picture;
  picture = viewer.querySelector("#picture");
  if (stage !== viewer.querySelector(".viewer-stage")) {
    stage = viewer.querySelector(".viewer-stage");
    for (const [name, listener] of Object.entries(listeners)) stage.addEventListener(name, listener, { passive: false });
    sizes.disconnect();
    sizes.observe(stage);
  }
  if (!picture) return;
  picture.draggable = false;
  if (picture !== before) {
    at.scale = 1;
    if (picture.dataset.colour) hold(picture.dataset.colour, picture.dataset.thumbnail);
  }
  fit();
}

/** Show colour and thumbnail where the picture will be, until it is there. */
function hold(colour, thumbnail) {
  const [mine, { style }] = [picture, picture];
  if (mine.complete && mine.naturalWidth) return;
  style.background = `${colour} url("${thumbnail}") center / 100% 100% no-repeat`;
  mine.addEventListener("load", () => (style.background = ""), { once: true });
}

const sizes = new ResizeObserver(() => fit());

/** Give the picture its size at scale 1: all of it in view, no larger than it is. */
export function fit() {
  if (!picture?.isConnected) return;
  const room = area();
  const scale = Math.min(room.width / side("width"), room.height / side("height"), picture.matches(".larger") ? Infinity : 1);
  fitted = { width: side("width") * scale, height: side("height") * scale };
  picture.style.transition = "";
  pushed = { x: 0, y: 0 };
  to(at.scale, stage.clientWidth / 2, stage.clientHeight / 2);
}

function area() {
  const edge = roomy.matches ? 64 : 0;
  const sheet = getComputedStyle(stage).getPropertyValue("--covered"); // by the information, on phones
  const height = Math.max(1, stage.clientHeight * (1 - (Number(sheet) || 0)) - BAR_PX - 16);
  return { left: edge, top: BAR_PX, width: Math.max(1, stage.clientWidth - 2 * edge), height };
}

/** Zoom so that what is under a point of the stage stays there. */
function to(scale, x, y) {
  const next = clamp(scale, 1, most());
  const factor = next / at.scale;
  at = { scale: next, left: x - (x - at.left) * factor, top: y - (y - at.top) * factor };
  draw();
}

function draw() {
  const room = area();
  const [width, height] = [fitted.width * at.scale, fitted.height * at.scale];
  const place = (start, length, whole, from, space) =>
    length > whole ? clamp(start, whole - length, 0) : from + (space - length) / 2;
  at.left = place(at.left, width, stage.clientWidth, room.left, room.width);
  at.top = place(at.top, height, stage.clientHeight, room.top, room.height);
  const lies = turns() % 2;
  picture.style.width = `${lies ? fitted.height : fitted.width}px`;
  picture.style.height = `${lies ? fitted.width : fitted.height}px`;
  picture.style.transform = `translate(${at.left + pushed.x}px, ${at.top + pushed.y}px) scale(${at.scale}) ${upright()}`;
  stage.dataset.zoom = at.scale.toFixed(2);
  const shown = Math.max(width, height) * devicePixelRatio;
  if (at.scale > 1 && shown > PREVIEW_PX && picture.dataset.original) sharpen(picture, { src: picture.dataset.original });
}

// The original lies as the camera left it; the preview was made upright.
const turns = () => (picture.dataset.isOriginal ? Number(picture.dataset.turns) : 0);
const upright = () =>
  [
    "",
    `translate(${fitted.width}px, 0) rotate(90deg)`,
    `translate(${fitted.width}px, ${fitted.height}px) rotate(180deg)`,
    `translate(0, ${fitted.height}px) rotate(270deg)`,
  ][turns()];

/** Let a finer picture take this one's place once it is decoded; `finer` has its address, and data if it knows more. */
export async function sharpen(image, finer) {
  const isOriginal = finer.src === image.dataset.original;
  if (isOriginal) {
    delete image.dataset.original;
    image.dataset.preview ??= image.getAttribute("src");
  } else Object.assign(image.dataset, finer.dataset, { preview: finer.getAttribute("src") });
  try {
    const probe = new Image();
    probe.src = finer.src;
    await probe.decode();
    image.src = finer.src;
    if (isOriginal) image.dataset.isOriginal = "yes";
    if (image === picture) fit();
  } catch {
    // it can't be had or shown: the coarser one stays
  }
}

/** Wait for a picture, though not for long. */
export function soon(address, patience_ms) {
  const probe = new Image();
  probe.src = address;
  return Promise.race([probe.decode().catch(() => undefined), new Promise((done) => setTimeout(done, patience_ms))]);
}

function glide() {
  if (!calm.matches) picture.style.transition = "transform 160ms ease-out";
}

/** Zoom about the middle. */
export function by(factor) {
  if (!picture) return;
  glide();
  to(at.scale * factor, stage.clientWidth / 2, stage.clientHeight / 2);
}

export const reset = () => by(0);

/** Lean the picture by a quarter while its turned self is being made. */
export function lean(quarter) {
  const room = area();
  const scale = Math.min(room.width / fitted.height, room.height / fitted.width);
  at.scale = 1;
  draw();
  glide();
  const [x, y] = [room.left + room.width / 2, room.top + room.height / 2];
  const middle = `translate(${x}px, ${y}px) rotate(${quarter * 90}deg) scale(${scale})`;
  picture.style.transform = `${middle} translate(${-fitted.width / 2}px, ${-fitted.height / 2}px) ${upright()}`;
}

function place(event) {
  const box = stage.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

function tapped({ x, y }) {
  const now = performance.now();
  const isSecond = now - lastTap.time < TAP_MS && Math.hypot(x - lastTap.x, y - lastTap.y) < 30;
  lastTap = { time: isSecond ? 0 : now, x, y };
  if (!isSecond) return act.tap();
  glide();
  to(at.scale > 1.01 ? 1 : Math.max(2.5, side("width") / fitted.width), x, y);
}

function swiped({ x, y }) {
  const [across, down] = [Math.abs(x), Math.abs(y)];
  pushed = { x: 0, y: 0 };
  glide();
  draw();
  if (across > SWIPE_PX && across > 2 * down) act.step(x > 0 ? "previous" : "next");
  else if (down > SWIPE_PX && down > 2 * across) (y > 0 ? act.leave : act.inform)();
}

const listeners = {
  pointerdown(event) {
    if (!picture || event.button || event.target.closest("a, button, form, .toast")) return;
    stage.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, { ...place(event), from: place(event), alone: fingers.size === 0 });
    for (const finger of fingers.values()) finger.alone = finger.alone && fingers.size === 1;
    picture.style.transition = "";
  },
  pointermove(event) {
    const finger = fingers.get(event.pointerId);
    if (!finger) return;
    const other = [...fingers.values()].find((one) => one !== finger);
    const here = place(event);
    const [dx, dy] = [here.x - finger.x, here.y - finger.y];
    if (other) {
      const before = Math.hypot(finger.x - other.x, finger.y - other.y);
      const now = Math.hypot(here.x - other.x, here.y - other.y);
      at.left += dx / 2;
      at.top += dy / 2;
      to((at.scale * now) / Math.max(1, before), (here.x + other.x) / 2, (here.y + other.y) / 2);
    } else if (at.scale > 1) {
      at.left += dx;
      at.top += dy;
      draw();
    } else if (event.pointerType !== "mouse") {
      pushed = { x: here.x - finger.from.x, y: Math.max(0, here.y - finger.from.y) };
      draw();
    }
    Object.assign(finger, here);
  },
  pointerup(event) {
    const finger = fingers.get(event.pointerId);
    if (!finger) return;
    fingers.delete(event.pointerId);
    const moved = { x: finger.x - finger.from.x, y: finger.y - finger.from.y };
    if (Math.hypot(moved.x, moved.y) < 10) tapped(finger);
    else if (finger.alone && at.scale === 1 && event.pointerType !== "mouse") swiped(moved);
  },
  pointercancel(event) {
    fingers.delete(event.pointerId);
    fit();
  },
  wheel(event) {
    if (!picture) return;
    event.preventDefault();
    picture.style.transition = "";
    const lines = event.deltaMode === 1 ? 16 : 1;
    const { x, y } = place(event);
    to(at.scale * Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.002)), x, y);
  },
};
