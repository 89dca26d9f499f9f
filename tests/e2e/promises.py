"""What every page promises, measured in the browser that shows it."""

from collections.abc import Iterator
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page

from tests.e2e.browser import PHONE

SMALLEST_TARGET = 24  # CSS pixels: WCAG 2.2, 2.5.8
WIDTHS = (320, 390, 1280)
NARROW = PHONE | {"width": min(WIDTHS)}

AXE = Axe().axe_script
# What a page does well is not asked for: its lists are longer than anything else here.
VIOLATIONS = """
() => axe.run({ resultTypes: ['violations'] }).then((results) => results.violations)
"""

# A report lands here even when the console is full.
WATCH_THE_POLICY = """
window.reports = [];
document.addEventListener('securitypolicyviolation', (event) =>
  window.reports.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""

OPEN_MENUS = "document.querySelectorAll('details').forEach((menu) => { menu.open = true; })"

# A link in a sentence is as high as its line; what a label belongs to is as large as the two.
SMALL_TARGETS = """
(smallest) => {
  const inSentence = (element) => {
    if (element.tagName !== 'A' || getComputedStyle(element).display !== 'inline') return false;
    const around = element.parentElement.textContent.trim();
    return around.length > element.textContent.trim().length;
  };
  const box = (element) => {
    element.focus({ preventScroll: true });
    const labels = element.matches('[type=checkbox], [type=radio]') ? element.labels : [];
    const boxes = [element, ...labels].map((part) => part.getBoundingClientRect());
    return {
      width: Math.max(...boxes.map((b) => b.right)) - Math.min(...boxes.map((b) => b.left)),
      height: Math.max(...boxes.map((b) => b.bottom)) - Math.min(...boxes.map((b) => b.top)),
    };
  };
  const kinds = 'a[href], button, input, select, textarea, summary, [tabindex]';
  return [...document.querySelectorAll(kinds)]
    .filter((element) => element.type !== 'hidden' && element.tabIndex >= 0)
    .filter((element) => element.checkVisibility() && !inSentence(element))
    .filter((element) => Math.min(...Object.values(box(element))) < smallest)
    .map((element) => element.outerHTML.slice(0, 120));
}
"""

# Fields and buttons: 44 px high, 16 px type (a phone zooms into less), and one primary to a page.
CONTROLS = """
() => {
  const shown = (kinds) => [...document.querySelectorAll(kinds)].filter((e) => e.checkVisibility());
  const line = (element) => element.outerHTML.slice(0, 120);
  const fields = shown('input:not([type=hidden], [type=checkbox], [type=radio]), select, textarea');
  const gallery = location.pathname === '/dev/components';
  return [
    // The button that shows a password lies within its field, which is as high.
    ...[...fields, ...shown('.btn:not([data-reveal])')]
      .filter((element) => element.getBoundingClientRect().height < 44)
      .map((element) => `lower than 44 px: ${line(element)}`),
    ...fields.filter((field) => parseFloat(getComputedStyle(field).fontSize) < 16)
      .map((field) => `type smaller than 16 px: ${line(field)}`),
    ...shown(':disabled').map((element) => `disabled: ${line(element)}`),
    ...(gallery ? [] : shown('.primary').slice(1))
      .map((button) => `a second primary button: ${line(button)}`),
  ];
}
"""

# How forms, their buttons and tables are made, on a phone: cards have no head, so that each cell
# says what it holds.
MADE = """
() => {
  const shown = (kinds) => [...document.querySelectorAll(kinds)].filter((e) => e.checkVisibility());
  const line = (element) => element.outerHTML.slice(0, 120);
  const fields = 'input:not([type=hidden]), select, textarea';
  const words = (element) => [...element.childNodes]
    .filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data).join('').trim();
  const left = (element) => element.getBoundingClientRect().left;
  const said = (cell) => getComputedStyle(cell, '::before').content;
  return [
    ...shown('form:not([novalidate])').filter((form) => form.querySelector(fields))
      .concat(shown(':is([required], [pattern], [minlength])'))
      .map((element) => `judged by the browser: ${line(element)}`),
    ...shown('.btn').filter((button) => !/^[\\p{Lu}\\p{N}]/u.test(words(button) || 'A'))
      .concat(shown('.btn').filter((button) => /\\s\\p{Lu}\\p{Ll}/u.test(words(button))))
      .map((button) => `not in sentence case: ${line(button)}`),
    ...shown('form.stack > .btn').filter((button) => left(button) > left(button.form) + 1)
      .map((button) => `not at the left: ${line(button)}`),
    ...shown('table').filter((table) => !table.caption?.textContent.trim())
      .map((table) => `a table without a caption: ${line(table)}`),
    ...shown('table.cards td').filter((cell) => said(cell) !== `"${cell.dataset.label}"`)
      .map((cell) => `a cell that does not say what it holds: ${line(cell)}`),
  ];
}
"""

# What only a script answers to: without one, it must not be seen.
IDLE = """
() => [...document.querySelectorAll('button, a:not([href]), [data-copy], [data-reveal]')]
  .filter((element) => element.checkVisibility())
  .filter((element) => !(element.type === 'submit' && element.form))
  .map((element) => `does nothing without a script: ${element.outerHTML.slice(0, 120)}`)
"""

OVERFLOW = """
() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.querySelectorAll('body *')]
    .filter((element) => element.getBoundingClientRect().right > width + 0.5)
    .map((element) => element.outerHTML.slice(0, 120));
}
"""


class Watched:
    """A page that is being listened to, from before it is opened."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.said: list[str] = []
        page.add_init_script(WATCH_THE_POLICY)
        page.on("console", lambda message: self.said.extend(complaint(message)))
        page.on("pageerror", lambda error: self.said.append(f"script: {error}"))

    def leave(self, url: str) -> None:
        """Be as before anything was opened, on a phone by day, at a page that says nothing.

        One of the same site: the browser keeps its process, and what it compiled, from screen to
        screen, which is a fifth of the work.
        """
        self.page.goto(url)
        self.page.set_viewport_size(PHONE)
        self.page.emulate_media(color_scheme="light")
        self.said.clear()

    def breaches(self) -> list[str]:
        """Return every promise that the page breaks, and where."""
        return [*self.found(), *self.said]

    def breaches_without_javascript(self) -> list[str]:
        wide = (f"wider than 320 px: {e}" for e in self.page.evaluate(OVERFLOW))
        return [*wide, *self.page.evaluate(IDLE), *self.said]

    def found(self) -> Iterator[str]:
        yield from (f"policy: {report}" for report in self.page.evaluate("window.reports"))
        self.page.evaluate(AXE)
        yield from self.accessibility("light")
        self.page.evaluate(OPEN_MENUS)
        yield from self.accessibility("dark")
        for target in self.page.evaluate(SMALL_TARGETS, SMALLEST_TARGET):
            yield f"smaller than {SMALLEST_TARGET} px: {target}"
        yield from self.page.evaluate(CONTROLS)
        yield from self.page.evaluate(MADE)
        for width in WIDTHS:
            self.page.set_viewport_size(PHONE | {"width": width})
            yield from (f"wider than {width} px: {e}" for e in self.page.evaluate(OVERFLOW))

    def accessibility(self, colours: Any) -> Iterator[str]:
        self.page.emulate_media(color_scheme=colours)
        for violation in self.page.evaluate(VIOLATIONS):
            for node in violation["nodes"]:
                yield f"axe, {colours}: {violation['id']}: {node['html']}"


def complaint(message: ConsoleMessage) -> list[str]:
    """Return what the browser has to say about a page, less what is no fault of the page."""
    of_the_page = "/static/" not in message.location["url"]
    if of_the_page and message.text.startswith("Failed to load resource: the server responded"):
        return []  # its status, which is not 200 on purpose
    if message.text.startswith("Autofocus processing was blocked"):
        return []  # the script was quicker, and focused the same element
    return [f"console: {message.text}"]
