// A photo's own page: its viewer, and the way back to the list that it was opened from.
import { begin, show } from "./viewer.js";

const main = () => document.querySelector("body.viewing > main");

// To where one came from, so that the grid stands where it stood; else to the list's own address.
function leave() {
  const steps = history.state?.viewer;
  if (steps) return history.go(-steps);
  const back = main().querySelector('[data-key="back"]');
  const from = window.navigation?.canGoBack && document.referrer ? new URL(document.referrer) : null;
  const list = new URL(back.href);
  const isList = from && from.origin === list.origin && from.pathname === list.pathname;
  if (isList && steps === undefined) history.back();
  else location.assign(list);
}

function start() {
  if (main()) begin(main(), leave);
}

// Entries of a list under this one are of the same document when the page was loaded anew over it.
window.addEventListener("popstate", () => {
  if (!main()) return;
  if (/\/photo\/\d+\/$/.test(location.pathname)) show(location.href);
  else location.reload();
});

document.addEventListener("htmx:afterSettle", ({ detail }) => detail.target === document.body && start());
start();
