// The tray at the bottom right: one row per file, a summary, and a bar for all of them.
import { thumbnail } from "./thumbnails.js";
import { words } from "./words.js";

const icons = document.querySelector("svg use")?.getAttribute("href").split("#")[0] ?? "";
const ENDED = new Set(["stored", "duplicate", "refused", "set_aside", "failed", "cancelled"]);
const TROUBLED = new Set(["refused", "set_aside", "failed"]);

export class Tray {
  constructor(element, { onCancel, onRetry, onClose }) {
    this.element = element;
    this.onCancel = onCancel;
    this.onRetry = onRetry;
    this.onClose = onClose;
    this.rows = new Map();
    this.spoken = "";
    this.build();
  }

  build() {
    this.summary = make("p", "tray-summary");
    this.bar = make("progress", "tray-bar");
    this.bar.max = 1;
    this.bar.setAttribute("aria-label", words("allUploads"));
    this.fold = button("tray-fold", words("fold"), "chevron-down", () => this.toggle());
    this.fold.setAttribute("aria-expanded", "true");
    this.fold.setAttribute("aria-controls", "tray-files");
    this.close = button("tray-close", words("close"), "x", () => this.shut());
    this.cancelAll = button("tray-cancel-all", "", null, () => this.each("waiting", "sending", "later", this.onCancel));
    this.cancelAll.textContent = words("cancelAll");
    this.retryAll = button("tray-retry-all", "", null, () => this.each("failed", this.onRetry));
    this.retryAll.textContent = words("retryFailed");
    this.list = make("ul", "tray-files");
    this.list.id = "tray-files";
    this.list.tabIndex = 0; // scrolls by keyboard
    this.list.setAttribute("aria-label", words("files"));
    this.element.classList.add("tray");
    this.element.setAttribute("role", "region");
    this.element.setAttribute("aria-label", words("uploads"));
    const head = make("div", "tray-head");
    head.append(this.summary, this.cancelAll, this.retryAll, this.fold, this.close);
    this.element.replaceChildren(head, this.bar, this.list);
  }

  each(...args) {
    const act = args.pop();
    for (const { upload } of [...this.rows.values()]) if (args.includes(upload.state)) act(upload);
  }

  toggle(folded = !this.element.classList.contains("folded")) {
    this.element.classList.toggle("folded", folded);
    this.fold.setAttribute("aria-expanded", String(!folded));
    this.fold.setAttribute("aria-label", folded ? words("unfold") : words("fold"));
  }

  shut() {
    this.element.hidden = true;
    this.rows.clear();
    this.list.replaceChildren();
    this.onClose();
  }

  add(upload) {
    const row = makeRow(upload, () => this.onCancel(upload), () => this.onRetry(upload));
    this.rows.set(upload, row);
    this.list.append(row.element);
    this.element.hidden = false;
    thumbnail(upload.file, row.picture);
    this.show(upload);
  }

  show(upload) {
    const row = this.rows.get(upload);
    if (!row) return;
    if (upload.state === "sending" && row.element.dataset.state !== "sending") this.follow(row);
    row.element.dataset.state = upload.state;
    row.note.textContent = note(upload);
    row.bar.hidden = upload.state !== "sending";
    if (upload.sent >= 1) row.bar.removeAttribute("value");
    else row.bar.value = upload.sent;
    row.cancel.hidden = ENDED.has(upload.state);
    row.retry.hidden = upload.state !== "failed";
    if (upload.url && row.name.tagName !== "A") row.linkTo(upload);
    if (upload.tags?.length && !row.tags.childElementCount) {
      row.tags.append(...upload.tags.slice(0, 4).map((tag) => make("li", "tray-tag", tag)));
    }
  }

  // The list keeps up with what is on its way, unless somebody is reading it.
  follow(row) {
    if (this.isRead()) return;
    const { list } = this;
    const below = row.element.offsetTop + row.element.offsetHeight - list.offsetTop - list.clientHeight;
    if (below > list.scrollTop) list.scrollTop = below;
  }

  isRead() {
    return this.list.matches(":hover, :focus-within");
  }

  // In the end, what needs a person stands first.
  gather() {
    if (this.isRead()) return;
    const rows = [...this.rows.values()].filter((row) => TROUBLED.has(row.upload.state));
    this.list.prepend(...rows.map((row) => row.element));
    this.list.scrollTop = 0;
  }

  // Totals: the summary is rewritten at each step, the voice speaks at the beginning and at the end only.
  total(uploads) {
    const count = (...states) => uploads.filter((upload) => states.includes(upload.state)).length;
    const going = count("waiting", "sending", "later");
    const kept = uploads.filter((upload) => upload.state !== "cancelled");
    const bytes = kept.reduce((sum, upload) => sum + upload.file.size + 1, 0);
    const sent = kept.reduce((sum, upload) => sum + (upload.file.size + 1) * (ENDED.has(upload.state) ? 1 : upload.sent), 0);
    this.bar.value = bytes ? sent / bytes : 1;
    this.bar.hidden = going === 0;
    this.close.hidden = going > 0;
    this.cancelAll.hidden = going < 2;
    this.retryAll.hidden = going > 0 || count("failed") < 2;
    this.summary.textContent = going
      ? words("uploadingOf", { at: kept.length - going + 1, count: kept.length })
      : outcome(count);
    const phase = going ? words("uploading", { count: kept.length }) : outcome(count);
    if (phase !== this.spoken && !(going && this.going)) {
      this.spoken = phase;
      if (!going) this.gather();
      const announcer = document.getElementById("announcer");
      if (announcer) announcer.textContent = phase;
    }
    this.going = going > 0;
  }
}

function outcome(count) {
  const parts = [["added", "stored"], ["there", "duplicate"], ["aside", "set_aside"], ["refused", "refused"], ["failed", "failed"]];
  const said = parts.filter(([, state]) => count(state)).map(([key, state]) => words(key, { count: count(state) }));
  return said.join(", ") || words("nothing");
}

function note(upload) {
  if (upload.message) return upload.message;
  if (upload.state === "waiting") return words("waiting");
  if (upload.state === "sending") return upload.sent >= 1 ? words("reading") : `${Math.floor(upload.sent * 100)} %`;
  return "";
}

function makeRow(upload, cancel, retry) {
  const row = { upload };
  row.element = make("li", "tray-file");
  row.picture = make("span", "tray-picture");
  row.name = make("span", "tray-name", upload.file.name);
  row.name.title = upload.file.webkitRelativePath || upload.file.name;
  row.note = make("span", "tray-note");
  row.tags = make("ul", "tray-tags");
  row.tags.setAttribute("aria-label", words("tags"));
  row.bar = make("progress", "tray-file-bar");
  row.bar.max = 1;
  row.bar.setAttribute("aria-label", upload.file.name);
  row.cancel = button("tray-cancel", words("cancelOne", { name: upload.file.name }), "x", cancel);
  row.retry = button("tray-retry", "", null, retry);
  row.retry.textContent = words("retry");
  row.retry.setAttribute("aria-label", words("retryOne", { name: upload.file.name }));
  const text = make("div", "tray-words");
  text.append(row.name, row.note, row.tags, row.bar);
  row.element.append(row.picture, text, row.retry, row.cancel);
  row.linkTo = ({ url, thumbnail: address }) => {
    const link = make("a", "tray-name", row.name.textContent);
    link.href = url;
    link.title = row.name.title;
    row.name.replaceWith(link);
    row.name = link;
    if (address && !row.picture.firstChild) row.picture.append(Object.assign(new Image(40, 40), { src: address, alt: "" }));
  };
  return row;
}

function make(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  if (text) element.textContent = text;
  return element;
}

function button(className, label, icon, act) {
  const element = make("button", `${className} ${icon ? "icon-button" : "text-button"}`);
  element.type = "button";
  if (label) element.setAttribute("aria-label", label);
  if (icon) element.append(iconOf(icon));
  element.addEventListener("click", act);
  return element;
}

function iconOf(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${icons}#${name}`);
  svg.append(use);
  return svg;
}
