// Comfort only: every page does all it does without this file.
// A behaviour belongs to a data-* attribute that the templates set.

const every = (selector, act) => document.querySelectorAll(selector).forEach(act);

every("[data-focus]", (element) => element.focus());

// A click on a second's heels is a slip of the finger, not a second wish.
every("form[data-once]", (form) => {
  let sent = -Infinity;
  form.addEventListener("submit", (event) => {
    if (event.timeStamp - sent < 1000) {
      event.preventDefault();
    } else {
      sent = event.timeStamp;
    }
  });
});

every("button[data-reveal]", (button) => {
  const input = document.getElementById(button.getAttribute("aria-controls"));
  const [show, hide] = button.children;
  const status = button.nextElementSibling;

  const reveal = (visible) => {
    input.type = visible ? "text" : "password";
    show.hidden = visible;
    hide.hidden = !visible;
  };
  button.addEventListener("click", () => {
    const visible = input.type === "password";
    reveal(visible);
    status.textContent = visible ? status.dataset.shown : status.dataset.hidden;
  });
  // Browsers keep what was typed into a text field, and offer it to the next person.
  input.form?.addEventListener("submit", () => reveal(false));
  button.hidden = false;
});

every("details[data-menu]", (menu) => {
  const close = () => menu.removeAttribute("open");
  document.addEventListener("click", (event) => menu.contains(event.target) || close());
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !menu.contains(event.relatedTarget)) close();
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    close();
    menu.querySelector("summary").focus();
  });
});

// The only single key of the site. It leads to the search, unless something is being typed.
every("[data-search]", (search) => {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea");
    if (event.key !== "/" || event.ctrlKey || event.altKey || event.metaKey || typing) return;
    event.preventDefault();
    search.focus();
  });
});

// The units and the threshold are Babel's, so that a refresh never changes the wording.
const UNITS = [
  ["year", 31536000],
  ["month", 2592000],
  ["week", 604800],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

function refreshTimes() {
  const words = new Intl.RelativeTimeFormat(document.documentElement.lang);
  every("time[data-ago]", (time) => {
    const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
    const [unit, size] = UNITS.find((entry) => Math.abs(seconds) / entry[1] >= 0.85) ?? UNITS.at(-1);
    time.textContent = words.format(Math.round(seconds / size) || -1, unit);
  });
}

if (document.querySelector("time[data-ago]")) setInterval(refreshTimes, 30_000);
