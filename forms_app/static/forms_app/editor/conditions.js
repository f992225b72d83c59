/* "Only show this if …", as a sentence: which field, what about it, which answer. Lists take the
   place of the inputs that hold a field's key and an answer, and follow what the page's fields are
   while one edits them. What a rule means, forms_app/conditions.py says; the server has the last word. */

const known = JSON.parse(document.getElementById("condition-rules").textContent);
const RULE = /^fields-(\d+)-value-condition-rules-\d+-value-field$/;
const form = document.getElementById("page-edit-form") ?? document.querySelector("form[data-edit-form]");
let waiting = 0;

// A click: a deleted block stays in the tree and says nothing.
for (const event of ["input", "change", "click"]) form.addEventListener(event, soon);
new MutationObserver((changes) => {
  if (changes.some(({ target }) => !target.closest(".condition__select, [data-panel-heading]"))) soon();
}).observe(form, { childList: true, subtree: true });
soon();

function soon() {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(refresh);
}

const named = (name) => form.elements.namedItem(name);
const textOf = (name) => named(name)?.value.trim() ?? "";

/** What stands on the page now, in its order: [{number, key, kind, label, options: [[id, label]]}]. */
function fields() {
  return [...form.querySelectorAll('input[name^="fields-"][name$="-type"]')]
    .map(({ name, value }) => ({ number: name.match(/^fields-(\d+)-type$/)?.[1], kind: value }))
    .filter(({ number }) => number !== undefined && !textOf(`fields-${number}-deleted`))
    .sort((a, b) => textOf(`fields-${a.number}-order`) - textOf(`fields-${b.number}-order`))
    .map(({ number, kind }) => ({
      number,
      kind,
      key: textOf(`fields-${number}-id`),
      label: textOf(`fields-${number}-value-label`) || known.kinds[kind]?.label,
      options: optionsOf(number, kind),
    }));
}

function optionsOf(number, kind) {
  if (known.kinds[kind]?.options) return known.kinds[kind].options;
  const listed = `fields-${number}-value-options`;
  const count = Number(textOf(`${listed}-count`));
  return Array.from({ length: count }, (_, at) => `${listed}-${at}`)
    .filter((item) => !textOf(`${item}-deleted`))
    .sort((a, b) => textOf(`${a}-order`) - textOf(`${b}-order`))
    .map((item) => [textOf(`${item}-id`), textOf(`${item}-value`)])
    .filter(([id, label]) => id && label);
}

function refresh() {
  const all = fields();
  const sentences = new Map();
  for (const input of form.querySelectorAll('input[name$="-value-field"]')) {
    const [, number] = RULE.exec(input.name) ?? [];
    const place = input.name.slice(0, -"-value-field".length);
    if (number === undefined || textOf(`${place}-deleted`)) continue;
    const others = all.filter((one) => one.number !== number && known.kinds[one.kind]?.tests);
    const said = drawRule(input, place, others);
    sentences.set(number, [...(sentences.get(number) ?? []), said]);
  }
  for (const { number } of all) tell(number, sentences.get(number) ?? []);
}

/** Draws one rule; returns it in words. */
function drawRule(input, place, others) {
  const asked = others.find(({ key }) => key === input.value);
  const choices = others.map(({ key, label }) => [key, label]);
  if (input.value && !asked) choices.unshift([input.value, "a field that is gone"]);
  draw(input, "Which field", choices, "choose a field …");

  const test = named(`${place}-value-test`);
  const fitting = asked ? known.kinds[asked.kind].tests : Object.keys(known.tests);
  for (const option of test.options) option.hidden = option.disabled = !fitting.includes(option.value);
  if (!fitting.includes(test.value)) choose(test, fitting[0]);
  test.ariaLabel = "What about it";

  const value = named(`${place}-value-value`);
  const needed = known.needsValue.includes(test.value);
  value.closest("[data-contentpath]").hidden = !needed;
  if (needed && asked?.options.length) draw(value, "Which answer", asked.options, "choose …");
  else undraw(value);
  value.ariaLabel = "Which answer";
  value.inputMode = asked?.kind === "number" ? "decimal" : "text";
  if (!asked) return "…";
  const answer = asked.options.find(([id]) => id === value.value)?.[1] ?? value.value;
  return `${asked.label} ${known.tests[test.value]}${needed ? ` ${answer || "…"}` : ""}`;
}

/** A list in the place of `input`, which goes on holding the value. */
function draw(input, name, choices, empty) {
  let select = input.nextElementSibling;
  if (!select?.matches(".condition__select")) {
    select = document.createElement("select");
    select.className = "condition__select";
    select.addEventListener("change", () => choose(input, select.value));
    input.after(select);
    input.hidden = true;
  }
  select.ariaLabel = name;
  const wanted = [["", empty], ...choices];
  if (JSON.stringify(wanted) !== select.dataset.drawn) {
    select.dataset.drawn = JSON.stringify(wanted);
    select.replaceChildren(...wanted.map(([value, label]) => new Option(label, value)));
  }
  // An answer of another field that was asked about before isn't one of these.
  if (choices.every(([value]) => value !== input.value) && input.value) input.value = "";
  select.value = input.value;
}

function undraw(input) {
  if (!input.nextElementSibling?.matches(".condition__select")) return;
  input.nextElementSibling.remove();
  input.hidden = false;
  input.value = "";
}

function choose(input, value) {
  input.value = value;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

/** The heading of a condition says it in words, so that one needn't open it. */
function tell(number, rules) {
  const match = named(`fields-${number}-value-condition-match`);
  const section = match?.closest("section");
  const title = section?.querySelector("[data-panel-heading-text]");
  if (!title) return;
  const words = rules.join(match.value === "any" ? " or " : " and ");
  const text = rules.length ? words : "always shown";
  if (title.textContent !== text) title.textContent = text;
  match.closest("[data-contentpath]").hidden = rules.length < 2;
}
