// Uploads: three go at a time; the tray tells what became of each. Loaded with the first file (uploads.js).
import { send } from "./sending.js";
import { stay } from "./staying.js";
import { Tray } from "./tray.js";
import { words } from "./words.js";

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
    change(upload, { state: "later", message: words("again", { message: answer.message }) });
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
  else if (isGoing(upload)) change(upload, { state: "cancelled", message: words("cancelled") });
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
