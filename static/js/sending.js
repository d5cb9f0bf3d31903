// Send one file and follow its progress. Resolves with what became of it; never rejects.
import { words } from "./words.js";

export function send(file, { url, token, onProgress, signal }) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("files", file, file.name);
    body.append("modified", localTime(file.lastModified));
    request.open("POST", url);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", token);
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    request.upload.addEventListener("load", () => onProgress(1));
    request.addEventListener("load", () => resolve(understand(request)));
    request.addEventListener("error", () => resolve({ outcome: "failed", message: words("offline") }));
    request.addEventListener("abort", () => resolve({ outcome: "cancelled", message: words("cancelled") }));
    signal.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}

function understand(request) {
  const answer = parse(request.responseText);
  if (answer?.files?.length) return answer.files[0];
  if (request.status === 429) {
    const waitS = Number(request.getResponseHeader("Retry-After")) || 10;
    return { outcome: "later", waitS, message: words("later", { count: waitS }) };
  }
  if (new URL(request.responseURL || location.href).pathname.endsWith("/login/") || request.status === 403) {
    return { outcome: "failed", message: words("loggedOut") };
  }
  if (request.status === 413) return { outcome: "refused", message: words("tooLarge") };
  if (request.status === 422 && answer?.message) return { outcome: "refused", message: answer.message };
  return { outcome: "failed", message: words("notTaken") };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // a page: log-in, or an error of a proxy
  }
}

// The time of the file as its owner's clock shows it, with the zone: 2024-06-15T12:03:04+02:00
function localTime(milliseconds) {
  const moment = new Date(milliseconds);
  const offset = -moment.getTimezoneOffset();
  const wall = new Date(milliseconds + offset * 60_000).toISOString().slice(0, 19);
  const two = (number) => String(number).padStart(2, "0");
  const ahead = Math.abs(offset);
  return `${wall}${offset < 0 ? "-" : "+"}${two(Math.floor(ahead / 60))}:${two(ahead % 60)}`;
}
