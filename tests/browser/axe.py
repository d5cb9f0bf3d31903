"""Accessibility: axe-core's findings on a page, each as one line."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_axe = Axe()


def findings(page: Page) -> list[str]:
    """Run all rules of axe-core, its best practices too."""
    violations = _axe.run(page).response["violations"]
    return [
        f"{violation['id']} ({violation['impact']}) {node['target']}: {node['failureSummary']}"
        for violation in violations
        for node in violation["nodes"]
    ]
