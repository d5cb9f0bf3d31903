// Uploads: choose, drop or submit files anywhere; three go at a time; the tray tells what became of each.
import { takeDropped } from "./dropped.js";
import { send } from "./sending.js";
import { stay } from "./staying.js";
import { Tray } from "./tray.js";

const AT_ONCE = 3;
const RETRIES = 3;
const STATUS_IDS = 100;
const POLL_FIRST_MS = 400;
const POLL_LONGEST_MS = 5000;

const home = document.getElementById("upload-tray");
const uploadUrl = document.querySelector("a[data-upload]")?.href ?? "";
let uploads = [];
let pausedUntil = 0;
let tray = null;

if (home && uploadUrl) {
  home.hidden = true;
  tray = new Tray(home, { onCancel: cancel, onRetry: retry, onClose: () => stay(false) });
  document.addEventListener("click", onClick, true); // before htmx, where links are boosted
  document.addEventListener("change", onChange);
  document.addEventListener("submit", onSubmit);
  watchDrops();
  window.addEventListener("beforeunload", (event) => {
    if (uploads.some(isGoing)) event.preventDefault();
  });
  window.addEventListener("online", () => uploads.filter((upload) => upload.state === "failed").forEach(retry));
}

function isGoing(upload) {
  return ["waiting", "sending", "later"].includes(upload.state);
}

export function add(files) {
  if (!uploads.some(isGoing) && home.hidden) uploads = [];
  for (const file of files) {
    const upload = { file, state: "waiting", sent: 0, tries: 0, message: "", tags: null, stop: null };
    uploads.push(upload);
    tray.add(upload);
  }
  go();
}

function go() {
  tray.total(uploads);
  stay(!home.hidden);
  const wait = pausedUntil - Date.now();
  if (wait > 0) return;
  let free = AT_ONCE - uploads.filter((upload) => upload.state === "sending").length;
  for (const upload of uploads) {
    if (free <= 0) break;
    if (upload.state !== "waiting") continue;
    free -= 1;
    start(upload);
  }
}

async function start(upload) {
  upload.stop = new AbortController();
  change(upload, { state: "sending", sent: 0, message: "", tries: upload.tries + 1 });
  const answer = await send(upload.file, {
    url: uploadUrl,
    token: csrfToken(),
    signal: upload.stop.signal,
    onProgress: (sent) => {
      change(upload, { sent });
      tray.total(uploads);
    },
  });
  settle(upload, answer);
  go();
}

function settle(upload, answer) {
  if (answer.outcome === "later") {
    pausedUntil = Date.now() + answer.waitS * 1000;
    change(upload, { state: "waiting", message: answer.message, tries: upload.tries - 1 });
    setTimeout(go, answer.waitS * 1000 + 50);
  } else if (answer.outcome === "failed" && upload.tries < RETRIES) {
    change(upload, { state: "later", message: `${answer.message} Trying again` });
    setTimeout(() => upload.state === "later" && retry(upload), 1000 * 4 ** (upload.tries - 1));
  } else {
    const { outcome: state, message, photo, url, thumbnail } = answer;
    change(upload, { state, message, photo, url, thumbnail, sent: 1 });
    if (state === "failed") upload.tries = 0;
    if (state === "stored" || state === "set_aside") announce("stored");
    if (state === "stored") expectTags();
  }
}

function change(upload, facts) {
  Object.assign(upload, facts);
  tray.show(upload);
}

function cancel(upload) {
  if (upload.state === "sending") upload.stop.abort();
  else if (isGoing(upload)) change(upload, { state: "cancelled", message: "Cancelled" });
  go();
}

function retry(upload) {
  change(upload, { state: "waiting", message: "" });
  go();
}

// The token stands in every form of the page; a cookie holds it where there is none.
function csrfToken() {
  const cookie = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
  return cookie?.[1] ?? document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
}

// Tell the page at most once a second that photos or tags came.
let announced = 0;
let announcing = null;
function announce(what) {
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    announced = Date.now();
    document.body.dispatchEvent(new CustomEvent("photos-changed", { bubbles: true, detail: { what } }));
  }, Math.max(0, announced + 1000 - Date.now()));
}

// Tags: ask only while a photo waits for them, at growing intervals, sooner again when one comes.
let poll = null;
let pollAfter = POLL_FIRST_MS;
function expectTags() {
  pollAfter = POLL_FIRST_MS;
  poll ??= setTimeout(askForTags, pollAfter);
}

async function askForTags() {
  const asked = uploads.filter((upload) => upload.state === "stored" && upload.tags === null).slice(0, STATUS_IDS);
  if (!asked.length) {
    poll = null;
    return;
  }
  if (!document.hidden) {
    const came = await fetchTags(asked);
    if (came) announce("tags");
    pollAfter = came ? POLL_FIRST_MS : Math.min(POLL_LONGEST_MS, pollAfter * 1.5);
  }
  poll = setTimeout(askForTags, pollAfter);
}

async function fetchTags(asked) {
  const ids = asked.map((upload) => upload.photo).join(",");
  const answer = await fetch(`${uploadUrl}status/?ids=${ids}`, { headers: { Accept: "application/json" } })
    .then((response) => (response.ok ? response.json() : null))
    .catch(() => null); // the network is away: the next round asks again
  if (!answer?.photos) return false;
  const told = new Map(answer.photos.map((photo) => [photo.id, photo]));
  let came = false;
  for (const upload of asked) {
    const photo = told.get(upload.photo);
    if (photo?.pending) continue;
    change(upload, { tags: photo?.tags ?? [] }); // a photo that is gone has no tags to wait for
    came = true;
  }
  return came;
}

// Ways in: links and buttons marked data-upload ("files", "folder", or nothing: the person chooses), the form
// of the upload page, drops anywhere.
function onClick(event) {
  const asked = event.target.closest?.("[data-upload]");
  if (!asked || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  event.stopPropagation();
  document.getElementById("upload-menu")?.hidePopover();
  if (asked.dataset.upload || !hasFolders) choose(asked.dataset.upload === "folder");
  else showMenu(asked);
}

const hasFolders = "webkitdirectory" in HTMLInputElement.prototype && matchMedia("(hover: hover)").matches;

function showMenu(beside) {
  document.getElementById("upload-menu")?.remove();
  const menu = document.createElement("div");
  menu.id = "upload-menu";
  menu.className = "menu upload-menu";
  menu.popover = "auto";
  for (const [kind, words] of [["files", "Choose photos"], ["folder", "Choose a folder"]]) {
    const item = Object.assign(document.createElement("button"), { type: "button", textContent: words });
    item.dataset.upload = kind;
    menu.append(item);
  }
  beside.after(menu); // so that it is next in the order of the keyboard
  menu.showPopover();
  const box = beside.getBoundingClientRect();
  const below = box.bottom + menu.offsetHeight + 12 < innerHeight;
  menu.style.top = `${below ? box.bottom + 6 : box.top - menu.offsetHeight - 6}px`;
  const widest = document.body.getBoundingClientRect().right - menu.offsetWidth - 8;
  menu.style.left = `${Math.max(8, Math.min(box.left, widest))}px`;
  menu.firstElementChild.focus();
}

function choose(folder) {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  input.className = "visually-hidden";
  if (folder) input.webkitdirectory = true;
  else input.accept = "image/*,.heic,.heif,.avif";
  input.addEventListener("change", () => add(input.files));
  input.click();
}

function onChange(event) {
  const input = event.target;
  if (!input.matches?.("form[data-upload-form] input[type=file]") || !input.files.length) return;
  add([...input.files]);
  input.value = "";
}

function onSubmit(event) {
  const form = event.target;
  if (!form.matches?.("form[data-upload-form]")) return;
  event.preventDefault();
  form.querySelector("input[type=file]").click();
}

function watchDrops() {
  let inside = 0;
  const mark = () => document.body.classList.toggle("dropping", inside > 0);
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    inside += 1;
    mark();
  });
  addEventListener("dragleave", (event) => {
    if (!hasFiles(event)) return;
    inside = Math.max(0, inside - 1);
    mark();
  });
  addEventListener("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    inside = 0;
    mark();
    add(await takeDropped(event.dataTransfer));
  });
}
