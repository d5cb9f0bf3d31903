"""A page that is watched: whatever its console or its network complains about fails the test."""

import re
from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Response, WebError

# Chromium's own line about a status; `Watch` looks at the statuses themselves.
_STATUS_LINE = "Failed to load resource: the server responded with a status"
# Playwright's own, in the contexts that it keeps service workers out of.
_WITHOUT_WORKER = "Service Worker registration blocked by Playwright"
# Chromium's way to tell a page that is just beginning that its transition is none: a plain cut, and no fault.
_CUT_SHORT = "Transition was aborted because of invalid state"
TELL_VIOLATIONS = (
    "document.addEventListener('securitypolicyviolation', (event) =>"
    " console.error(`CSP: ${event.violatedDirective} blocked ${event.blockedURI}`))"
)


@dataclass  # no slots: Playwright keeps something of its own on whose methods it calls
class Watch:
    """Collects complaints of all pages of a context; `expect` names the addresses that may answer 4xx."""

    expected: list[re.Pattern[str]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> "Watch":
        context.add_init_script(TELL_VIOLATIONS)
        context.on("console", self._on_console)
        context.on("response", self._on_response)
        context.on("weberror", self._on_error)
        return self

    def expect(self, address: str) -> None:
        self.expected.append(re.compile(address))

    def _on_error(self, error: WebError) -> None:
        if not str(error.error).startswith(_CUT_SHORT):
            self.complaints.append(f"uncaught: {error.error}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning") or message.text.startswith(
            (_STATUS_LINE, _WITHOUT_WORKER)
        ):
            return
        self.complaints.append(f"{message.type} at {message.location.get('url')}: {message.text}")

    def _on_response(self, response: Response) -> None:
        if response.status < 400 or any(pattern.search(response.url) for pattern in self.expected):
            return
        self.complaints.append(f"{response.status} for {response.request.method} {response.url}")


def pictures_are_shown(page: Page) -> None:
    """Wait until every picture in view has arrived and faded in."""
    page.wait_for_function(
        """() => [...document.images].every((image) => {
          const box = image.getBoundingClientRect();
          const inView = box.width && box.bottom > 0 && box.top < innerHeight
            && box.right > 0 && box.left < innerWidth;
          return !inView
            || (image.complete && image.naturalWidth > 0 && getComputedStyle(image).opacity === "1");
        })"""
    )
