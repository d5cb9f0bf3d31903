// While the tray is open, links change what the page shows instead of loading another page, so that
// no upload is cut off and the tray stays. htmx's boost swaps the body; what belongs to the head and to <body> is done here.

export function stay(on) {
  if (on === document.body.hasAttribute("hx-boost")) return;
  document.body.toggleAttribute("hx-boost", on);
  if (!on) return;
  document.body.setAttribute("hx-boost", "true");
  htmx.process(document.body);
}

function adopt(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  document.body.className = page.body.className;
  for (const sheet of page.querySelectorAll('head link[rel="stylesheet"]')) {
    if (!document.querySelector(`head link[href="${sheet.getAttribute("href")}"]`)) document.head.append(sheet);
  }
  for (const script of page.querySelectorAll('head script[type="module"][src]')) import(script.getAttribute("src"));
}

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target === document.body) adopt(detail.serverResponse);
});

document.addEventListener("htmx:historyCacheMissLoad", ({ detail }) => {
  adopt(detail.response ?? detail.xhr?.responseText ?? "");
});
