// Keeps the shell and the thumbnails lately seen, and takes what a phone shares. No page is ever kept: every one
// comes from the server, which says whose it is; what one account saw is gone before another one's page is shown.
const facts = {{ facts|safe }};

const SHELL = `shell-${facts.version}`;
const THUMBNAILS = "thumbnails-";
const ACCOUNT = "account"; // a cache with one entry: whose thumbnails are kept
const SHARED = "shared"; // files that wait for their person's word; see shared.js
const AN_HOUR_MS = 3_600_000;
const TRIM_AFTER = 40; // new thumbnails; counting them all for each one would take longer than keeping it
const thumbnailPath = new RegExp(`^${facts.thumbnail}$`);
const isHashed = (path) => /\.[0-9a-f]{12}\.[a-z0-9]+$/.test(path); // its bytes never change

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(SHELL)
      .then((cache) => cache.addAll([...facts.shell, new Request(facts.offline, { cache: "reload" })]))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => event.waitUntil(begin()));

async function begin() {
  for (const name of await caches.keys()) if (name.startsWith("shell-") && name !== SHELL) await caches.delete(name);
  await self.registration.navigationPreload?.enable();
  await self.clients.claim();
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin) return;
  if (request.method === "POST") {
    if (url.pathname === facts.share) event.respondWith(take(request));
    if (url.pathname === facts.logout) event.waitUntil(leave());
  } else if (request.method === "GET") {
    if (request.mode === "navigate") event.respondWith(page(event));
    else if (url.pathname.startsWith(facts.static)) event.respondWith(part(event, url.pathname));
    else if (thumbnailPath.test(url.pathname) && url.searchParams.has("r")) event.respondWith(thumbnail(event));
  }
});

// Whose pages these are: undefined until it is read, null for nobody.
let account;

async function whose() {
  if (account === undefined) {
    const kept = await caches.open(ACCOUNT).then((cache) => cache.match("/"));
    const read = kept ? await kept.text() : null;
    account ??= read; // a page may have said it meanwhile
  }
  return account;
}

async function become(next) {
  if ((await whose()) === next) return;
  account = next;
  await dropOthers();
  const cache = await caches.open(ACCOUNT);
  await (next ? cache.put("/", new Response(next)) : cache.delete("/"));
}

async function dropOthers() {
  for (const name of await caches.keys()) {
    if (name.startsWith(THUMBNAILS) && name !== THUMBNAILS + account) await caches.delete(name);
  }
}

async function leave() {
  await become(null);
  await caches.delete(SHARED);
}

async function page(event) {
  let answer;
  try {
    answer = (await event.preloadResponse) ?? (await fetch(event.request));
  } catch {
    return (await caches.match(facts.offline, { ignoreVary: true })) ?? Response.error();
  }
  const isPage = answer.headers.get("content-type")?.startsWith("text/html") && answer.status < 500;
  if (isPage) await become(answer.headers.get(facts.header));
  return answer;
}

async function part(event, path) {
  const cache = await caches.open(SHELL);
  if (isHashed(path)) {
    const kept = await cache.match(event.request, { ignoreVary: true });
    if (kept) return kept;
  }
  try {
    const answer = await fetch(event.request);
    if (answer.ok) event.waitUntil(cache.put(event.request, answer.clone()));
    return answer;
  } catch (error) {
    const kept = await cache.match(event.request, { ignoreVary: true });
    if (kept) return kept;
    throw error;
  }
}

// The least lately seen thumbnail goes first: seeing one puts it at the end of the cache again, once in a while.
const seen = new Set();
let sinceTrim = TRIM_AFTER;

async function thumbnail(event) {
  const { request } = event;
  const mine = await whose();
  if (!mine) return fetch(request);
  const kept = await caches.open(THUMBNAILS + mine).then((cache) => cache.match(request, { ignoreVary: true }));
  if (kept) {
    if (!seen.has(request.url)) event.waitUntil(keep(mine, request, kept.clone()));
    return kept;
  }
  const answer = await fetch(request);
  if (answer.ok) event.waitUntil(keep(mine, request, answer.clone()));
  return answer;
}

async function keep(mine, request, answer) {
  if (account !== mine) return;
  seen.add(request.url);
  const cache = await caches.open(THUMBNAILS + mine);
  await cache.put(request, answer);
  sinceTrim += 1;
  if (sinceTrim > TRIM_AFTER) {
    sinceTrim = 0;
    const all = await cache.keys();
    for (const oldest of all.slice(0, Math.max(0, all.length - facts.most))) await cache.delete(oldest);
  }
  if (account !== mine) await dropOthers(); // somebody else came while it was written
}

// Shared files wait in a cache until their person says on the upload page that they are meant: any site could send
// a form here, and nothing in it tells it from a phone's.
async function take(request) {
  const target = new URL(facts.upload, self.location);
  try {
    const files = (await request.formData()).getAll("files").filter((file) => file instanceof File && file.size);
    const cache = await caches.open(SHARED);
    await dropStale(cache);
    for (const [number, file] of files.entries()) {
      const headers = {
        "content-type": file.type || "application/octet-stream",
        "x-name": encodeURIComponent(file.name),
        "x-modified": String(file.lastModified),
        "x-shared": String(Date.now()),
      };
      await cache.put(`${facts.share}${Date.now()}-${number}`, new Response(file, { headers }));
    }
    target.searchParams.set("shared", files.length ? "yes" : "none");
  } catch {
    target.searchParams.set("shared", "full"); // no room on the device
  }
  return Response.redirect(target, 303);
}

async function dropStale(cache) {
  for (const key of await cache.keys()) {
    const kept = await cache.match(key);
    if (Date.now() - Number(kept.headers.get("x-shared")) > AN_HOUR_MS) await cache.delete(key);
  }
}
