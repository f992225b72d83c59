// The sign-up page works without this file. It adds: checks on leaving a field, in the page's own
// words; an id for the sign-up, made on the tablet, so that a repeat is recognised; no second
// sending; and a thank-you that makes room for the next customer by itself.

const form = document.querySelector("[data-signup]");
const next = document.querySelector("[data-next]");
if (form) improveForm(form);
if (next) leaveAfter(next);

function improveForm(form) {
  const fields = [...form.querySelectorAll("[data-kind]")];
  const button = form.querySelector("button[type=submit]");
  const summary = form.querySelector(".summary");
  const status = form.querySelector("[role=status]");
  const left = new WeakSet(); // fields whose value was changed: an empty one may now be named
  let sending = false;
  let pressingButton = false;

  // A message that appears on blur would push the button away from under the finger that is
  // pressing it, and the press would be lost. Submitting checks everything anyhow.
  button.addEventListener("pointerdown", () => (pressingButton = true));
  addEventListener("pointerup", () => (pressingButton = false));
  addEventListener("pointercancel", () => (pressingButton = false));

  for (const field of fields) {
    field.addEventListener("input", () => {
      left.add(field);
      if (!errorOf(field).hidden && !problem(field)) show(field, "");
    });
    field.addEventListener("focusout", (event) => {
      if (pressingButton || sending || field.contains(event.relatedTarget)) return;
      const found = problem(field);
      if (found === "required" && !left.has(field)) return;
      show(field, message(field, found));
      if (found) status.textContent = message(field, found);
    });
  }

  form.addEventListener("keydown", (event) => {
    // The key is labelled "next" on the tablet's keyboard: it does what it says.
    if (event.key !== "Enter" || event.isComposing || !event.target.matches("input.input")) return;
    const stops = fields.flatMap(controls);
    const after = stops[stops.indexOf(event.target) + 1];
    if (!after) return;
    event.preventDefault();
    after.focus();
  });

  summary.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    event.preventDefault(); // no #fragment: a shopper's steps don't stay in the history
    document.getElementById(link.hash.slice(1)).focus();
  });

  form.addEventListener("submit", (event) => {
    if (sending) return event.preventDefault();
    const wrong = fields.filter((field) => {
      const found = problem(field);
      show(field, message(field, found));
      return found;
    });
    summarise(summary, wrong);
    if (wrong.length || "preview" in form.dataset) event.preventDefault();
    if (wrong.length) return controls(wrong[0])[0].focus();
    if ("preview" in form.dataset) return;
    form.elements.signup_id.value ||= newId();
    sending = true;
    button.setAttribute("aria-disabled", "true");
    status.textContent = button.textContent = button.dataset.sending;
  });

  // Brought back by the browser's "back", the page would hold the last shopper's answers and id.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.replace(location.pathname + location.search);
  });
}

function leaveAfter(link) {
  const leave = () => location.replace(link.href); // replaced: "back" doesn't lead to a shopper
  const timer = document.querySelector(".timer");
  let waiting;
  const start = () => {
    clearTimeout(waiting);
    waiting = setTimeout(leave, link.dataset.seconds * 1000);
    for (const animation of timer.getAnimations()) animation.currentTime = 0;
  };
  link.addEventListener("click", (event) => {
    event.preventDefault();
    leave();
  });
  timer.style.animationDuration = `${link.dataset.seconds}s`;
  timer.hidden = false;
  // Who needs longer to read touches the page or presses a key.
  addEventListener("pointerdown", start);
  addEventListener("keydown", start);
  addEventListener("pageshow", start);
  start();
}

function controls(field) {
  return [...field.querySelectorAll("input, select, textarea")];
}

/** "" when the field is in order, else "required" or "invalid". */
function problem(field) {
  const inputs = controls(field);
  if (field.dataset.kind === "birthday") return birthdayProblem(inputs);
  for (const { validity, required, value } of inputs) {
    if (validity.valueMissing || (required && !value.trim())) return "required";
    if (!validity.valid) return "invalid";
  }
  return "";
}

function birthdayProblem(inputs) {
  const [day, month, year = ""] = inputs.map((input) => input.value.trim());
  if (!day && !month && !year) return inputs[0].required ? "required" : "";
  if (![day, month].every((part) => /^\d{1,2}$/.test(part))) return "invalid";
  if (year && !/^\d{4}$/.test(year)) return "invalid";
  // A leap year stands in for no year, so that 29 February is a birthday.
  const date = new Date(Date.UTC(year || 2000, month - 1, day));
  const real = date.getUTCMonth() === month - 1 && date.getUTCDate() === Number(day);
  const now = new Date();
  const lived = !year || (date <= now && year >= now.getFullYear() - 120);
  return real && lived ? "" : "invalid";
}

function message(field, found) {
  return found && (field.dataset[found] || field.dataset.invalid || field.dataset.required);
}

function errorOf(field) {
  return field.querySelector(".error");
}

function show(field, text) {
  const error = errorOf(field);
  error.textContent = text;
  error.hidden = !text;
  const group = field.querySelector("[role=radiogroup]");
  for (const control of group ? [group] : controls(field)) {
    if (text) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }
}

/** Fills the live region on top. Built of text nodes: a label is never read as HTML. */
function summarise(summary, wrong) {
  summary.replaceChildren();
  if (!wrong.length) return;
  const title = document.createElement("h2");
  title.textContent = summary.dataset.title;
  const list = document.createElement("ul");
  for (const field of wrong) {
    const link = document.createElement("a");
    link.href = `#${controls(field)[0].id}`;
    link.textContent = shorten(field.dataset.label);
    const item = document.createElement("li");
    item.append(link, ` ${errorOf(field).textContent}`);
    list.append(item);
  }
  summary.append(title, list);
}

function shorten(label) {
  return label.length > 60 ? `${label.slice(0, 59)}…` : label;
}

/** A version 4 UUID. `randomUUID` is missing where a shop tries the page over plain http. */
function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
