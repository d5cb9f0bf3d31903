// Parts of a list as the server knows it: the page may have but a window of it.
import { cells, has, idOf, place, set, setAll } from "./selecting.js";

const bar = document.getElementById("selectbar");

async function ask(url, query) {
  const answer = await fetch(`${url}?${new URLSearchParams({ in: place() || "roll", ...query })}`);
  return answer.ok ? answer.json() : { ids: [] };
}

export async function selectAll() {
  if (!place()) return set(cells().map(idOf), true);
  const offer = await ask(bar.dataset.all, {});
  if (offer.count) setAll(offer);
}

/** The photos between two: those on the page, or where one of the two has gone from it, what the server says. */
export async function range(from, to) {
  const here = cells().map(idOf);
  const [first, last] = [here.indexOf(from), here.indexOf(to)].sort((one, other) => one - other);
  return first >= 0 ? here.slice(first, last + 1) : (await ask(bar.dataset.span, { from, to })).ids;
}

export async function toggleDay(day) {
  const { ids } = await ask(bar.dataset.span, { day });
  set(ids, !ids.every(has));
}
