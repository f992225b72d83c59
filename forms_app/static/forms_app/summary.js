// All mistakes in one place, on top of the form: a live region that is there before it is filled.

import { controls, errorOf } from "./validation.js";

const LONGEST = 60; // signs of a label; a consent's wording is a paragraph

/** Lists the fields that are wrong. Built of text nodes: a label is never read as HTML. */
export function summarise(summary, wrong) {
  summary.replaceChildren();
  if (!wrong.length) return;
  const list = document.createElement("ul");
  for (const field of wrong) {
    const link = document.createElement("a");
    link.href = `#${controls(field)[0].id}`;
    link.textContent = shortened(field.dataset.label);
    const item = document.createElement("li");
    item.append(link, ` ${errorOf(field).textContent}`);
    list.append(item);
  }
  summary.append(heading(summary.dataset.title), list);
}

/** Says one thing that is no field's mistake. */
export function say(summary, text) {
  summary.replaceChildren(heading(text));
}

/** A link leads to its field, in whichever step that is. */
export function followLinks(summary, goTo) {
  summary.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    event.preventDefault(); // no #fragment: a shopper's steps don't stay in the history
    goTo(document.getElementById(link.hash.slice(1)));
  });
}

function heading(text) {
  const title = document.createElement("h2");
  title.textContent = text;
  return title;
}

function shortened(label) {
  return label.length > LONGEST ? `${label.slice(0, LONGEST - 1)}…` : label;
}
