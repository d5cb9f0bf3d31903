// Read dropped files and folders: entries, which uploads.js took from the event before anything was awaited.

export async function collect(entries) {
  const files = [];
  for (const entry of entries) {
    if (entry instanceof File) files.push(entry);
    else await walk(entry, files);
  }
  return files;
}

async function walk(entry, files) {
  if (entry.isFile) {
    const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
    if (file) files.push(file); // null: gone or unreadable since it was dropped
    return;
  }
  const reader = entry.createReader();
  // One call gives at most 100 entries; an empty answer is the end.
  for (let batch = await next(reader); batch.length; batch = await next(reader)) {
    for (const child of batch) await walk(child, files);
  }
}

function next(reader) {
  return new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
}
