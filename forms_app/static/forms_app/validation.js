// Whether what was typed into a field can be right, and saying so beside it. The words come from the
// page; the server has the last word.

const DATES = ["birthday", "date"];

/** The inputs of a field that count: those that a condition has hidden are disabled. */
export function controls(field) {
  const inputs = [...field.querySelectorAll("input, select, textarea")];
  return inputs.filter((input) => !input.disabled && input.type !== "hidden");
}

/** "" when the field is in order, else "required" or "invalid". */
export function problem(field) {
  const inputs = controls(field);
  if (!inputs.length) return "";
  if (DATES.includes(field.dataset.kind)) return dateProblem(field, inputs);
  if ("atLeastOne" in field.dataset) return inputs.some((box) => box.checked) ? "" : "required";
  for (const input of inputs) {
    if (input.validity.valueMissing || (input.required && !input.value.trim())) return "required";
    if (!input.validity.valid || !isWithin(input)) return "invalid";
  }
  return "";
}

/** Numbers are typed as text, with a point or a comma. */
function isWithin({ value, dataset: { min, max, decimals } }) {
  const typed = value.replaceAll(" ", "").replace(",", ".");
  const tooPrecise = decimals && (typed.split(".")[1]?.length ?? 0) > decimals;
  // A limit that isn't there is undefined, which is neither less nor more.
  return !typed || !(Number(typed) < min || Number(typed) > max || tooPrecise);
}

/** Day, month and, where it is asked for, year. */
function dateProblem({ dataset }, inputs) {
  const [day, month, year = ""] = inputs.map((input) => input.value.trim());
  if (!day && !month && !year) return inputs[0].required ? "required" : "";
  if (![day, month].every((part) => /^\d{1,2}$/.test(part))) return "invalid";
  const isBirthday = dataset.kind === "birthday"; // its year may be left out
  if (year || !isBirthday) if (!/^\d{4}$/.test(year)) return "invalid";
  // A leap year stands in for no year, so that 29 February is a birthday.
  const date = new Date(Date.UTC(year || 2000, month - 1, day));
  const isReal = date.getUTCMonth() === month - 1 && date.getUTCDate() === Number(day);
  const now = new Date();
  const isLived = !isBirthday || !year || (date <= now && year >= now.getFullYear() - 120);
  return isReal && isLived ? "" : "invalid";
}

/** Shows what is wrong with the field, or that nothing is; returns whether something is. */
export function check(field) {
  const found = problem(field);
  show(field, found && (field.dataset[found] || field.dataset.invalid || field.dataset.required));
  return Boolean(found);
}

export function show(field, text) {
  const error = errorOf(field);
  if (!error) return; // a heading, a picture
  error.textContent = text;
  error.hidden = !text;
  const group = field.querySelector("[role=radiogroup]");
  for (const control of group ? [group] : controls(field)) {
    if (text) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }
}

export function errorOf(field) {
  return field.querySelector(".error");
}

/**
 * Each field is checked when the shopper leaves it. A mistake is taken away as soon as it is mended;
 * an empty field is named only when something stood in it. `isBusy()` puts it off.
 */
export function checkOnLeaving(fields, announce, isBusy) {
  const changed = new WeakSet();
  for (const field of fields) {
    field.addEventListener("input", () => {
      changed.add(field);
      if (errorOf(field)?.hidden === false && !problem(field)) show(field, "");
    });
    field.addEventListener("focusout", (event) => {
      if (isBusy() || field.contains(event.relatedTarget)) return;
      if (problem(field) === "required" && !changed.has(field)) return;
      if (check(field)) announce(errorOf(field).textContent);
    });
  }
}
