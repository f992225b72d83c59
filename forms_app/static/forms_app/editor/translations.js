/* The Translations tab: every text of the page with a field per language. What is typed is kept as
   JSON in one hidden input, {language: {key: text}}, so drafts and history are Wagtail's own. */

import { listen } from "./draft.js";

const place = document.querySelector("[data-translations]");
const store = document.getElementById(place.dataset.translations);
const empty = place.innerHTML;
let drawn = "";

listen(place.dataset.draftUrl, ({ groups, languages, first }) => {
  const now = JSON.stringify([groups, languages, first]);
  if (now === drawn) return;
  drawn = now;
  draw(groups, languages, first);
});

const read = () => JSON.parse(store.value || "{}");

function write(language, key, text) {
  const all = read();
  all[language] ??= {};
  if (text.trim()) all[language][key] = text;
  else delete all[language][key];
  store.value = JSON.stringify(all);
  store.dispatchEvent(new Event("change", { bubbles: true }));
}

function draw(groups, languages, first) {
  const focused = document.activeElement?.dataset?.translationKey;
  if (!languages.length) {
    place.innerHTML = empty;
    return;
  }
  const counts = element("p", "translations__counts");
  place.replaceChildren(counts, ...groups.map((group) => section(group, languages, first)));
  count(counts, groups, languages);
  place.oninput = () => count(counts, groups, languages);
  if (focused) place.querySelector(`[data-translation-key="${CSS.escape(focused)}"]`)?.focus();
}

function count(line, groups, languages) {
  const all = read();
  const texts = groups.flatMap((group) => group.texts);
  const words = languages.map(({ code, name }) => {
    const missing = texts.filter(({ key }) => !all[code]?.[key]?.trim()).length;
    return missing ? `${name}: ${missing} of ${texts.length} missing` : `${name}: complete`;
  });
  line.textContent = words.join(" · ");
}

function section(group, languages, first) {
  const made = element("section", "translations__group");
  made.append(element("h3", "", group.title || "Field without a label"));
  for (const text of group.texts) made.append(row(text, group, languages, first));
  return made;
}

function row(text, group, languages, first) {
  const made = element("div", "translations__row");
  const source = element("div", "translations__source");
  source.append(element("span", "translations__name", `${text.name} (${first})`));
  source.append(element("p", "", text.text));
  made.append(source, ...languages.map((language) => field(text, language)));
  return made;
}

function field(text, { code, name }) {
  const label = element("label", "translations__field");
  const input = document.createElement(text.long ? "textarea" : "input");
  if (text.long) input.rows = Math.min(8, Math.ceil(text.text.length / 45) + 1);
  input.lang = code;
  input.dataset.translationKey = `${code} ${text.key}`;
  input.ariaLabel = `${name}: ${text.name} “${text.text.slice(0, 80)}”`;
  input.value = read()[code]?.[text.key] ?? "";
  const mark = element("span", "translations__missing", "missing");
  mark.hidden = Boolean(input.value.trim());
  input.addEventListener("input", () => {
    write(code, text.key, input.value);
    mark.hidden = Boolean(input.value.trim());
  });
  const title = element("span", "translations__name", `${name} `);
  title.append(mark);
  label.append(title, input);
  return label;
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
