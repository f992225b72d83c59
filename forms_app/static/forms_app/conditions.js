// Which fields a shopper sees. The same rules as forms_app/conditions.py, where they are explained;
// both are tested from one table, forms_app/tests/conditions.json.

/**
 * The keys of the fields that are shown. `fields`: [{key, condition}]; `answersByKey`: key → text,
 * true or false, or a list of option ids, as they are stored.
 */
export function visible(fields, answersByKey) {
  const answers = new Map(Object.entries(answersByKey));
  const conditions = new Map(fields.map(({ key, condition }) => [key, condition]));
  const shown = new Map();

  function isShown(key, path = []) {
    if (!conditions.has(key) || path.includes(key)) return false;
    if (!shown.has(key)) shown.set(key, holds(conditions.get(key), [...path, key]));
    return shown.get(key);
  }

  function holds(condition, path) {
    if (!condition?.rules?.length) return true;
    const passed = ({ field, test, value }) =>
      // What is hidden counts as unanswered, whatever was typed before it was hidden.
      passes(test, isShown(field, path) ? answers.get(field) : null, value ?? "");
    return condition.match === "any" ? condition.rules.some(passed) : condition.rules.every(passed);
  }

  return new Set([...conditions.keys()].filter((key) => isShown(key)));
}

function passes(test, answer, value) {
  const isBlank = answer == null || answer === "" || (Array.isArray(answer) && !answer.length);
  if (test === "ticked") return answer === true;
  if (test === "not_ticked") return answer !== true;
  if (test === "answered") return !isBlank;
  if (test === "not_answered") return isBlank;
  if (test === "is") return equals(answer, value);
  if (test === "is_not") return !equals(answer, value);
  const [number, limit] = [asNumber(answer), asNumber(value)];
  return test === "at_least" ? number >= limit : number <= limit; // never with what is no number
}

/** A list equals what it contains; yes and no are words; numbers are equal by value. */
function equals(answer, value) {
  if (Array.isArray(answer)) return answer.includes(value);
  if (typeof answer === "boolean") return value === (answer ? "yes" : "no");
  if (answer == null || answer === "") return false;
  const [number, other] = [asNumber(answer), asNumber(value)];
  return isNaN(number) || isNaN(other) ? answer === value : number === other;
}

function asNumber(value) {
  return /^-?(\d+\.?\d*|\.\d+)$/.test(value ?? "") ? Number(value) : NaN;
}

/** Hides what isn't asked, and keeps it from being sent. */
export class Conditions {
  /** `form` has data-conditions: what `visible` wants to know of the fields, as JSON. */
  constructor(form) {
    this.wrappers = [...form.querySelectorAll("[data-key]")];
    this.fields = JSON.parse(form.dataset.conditions ?? "null");
    this.apply();
  }

  /** Returns whether anything has come or gone. */
  apply() {
    if (!this.fields) return false;
    const answers = Object.fromEntries(this.wrappers.map((one) => [one.dataset.key, answer(one)]));
    const shown = visible(this.fields, answers);
    const changed = this.wrappers.filter(
      ({ hidden, dataset: { key, known } }) => known === undefined && hidden === shown.has(key),
    );
    for (const wrapper of changed) {
      wrapper.hidden = !wrapper.hidden;
      for (const control of wrapper.querySelectorAll("input, select, textarea")) {
        control.disabled = wrapper.hidden;
      }
    }
    return changed.length > 0;
  }
}

/** What stands in the field, near enough to what would be stored to judge conditions by. */
function answer(wrapper) {
  const inputs = [...wrapper.querySelectorAll("input, select, textarea")];
  const chosen = inputs.filter(({ checked }) => checked).map(({ value }) => value);
  switch (wrapper.dataset.kind) {
    case "consent":
      return chosen.length > 0;
    case "yes_no":
      return chosen.length ? chosen[0] === "yes" : null;
    case "choices":
      return chosen;
    case "number":
      return inputs[0].value.trim().replace(",", ".");
  }
  if (inputs[0]?.type === "radio") return chosen[0] ?? "";
  return inputs.map(({ value }) => value.trim()).join("");
}
