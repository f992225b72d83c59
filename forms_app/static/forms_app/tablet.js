// The sign-up page works without JavaScript. This file adds what the other modules do, each one job,
// and wires them together.

import { Conditions } from "./conditions.js";
import { watchForIdling } from "./idle.js";
import { stayAboveKeyboard } from "./keyboard.js";
import { spaceWhileTyping } from "./phone.js";
import { newId, post } from "./posting.js";
import { Steps } from "./steps.js";
import { followLinks, say, summarise } from "./summary.js";
import { leaveByItself, showThanks } from "./thanks.js";
import { hintAt } from "./typos.js";
import { check, checkOnLeaving, controls, show } from "./validation.js";

const page = document.documentElement.dataset;
const form = document.querySelector("[data-signup]");
const next = document.querySelector("[data-next]");
// A paired tablet keeps a queue of its own and needs no network.
const app = "app" in page ? import("./app.js") : null;

if (form) improve(form);
if (next) leaveByItself(next);

function improve(form) {
  const fields = [...form.querySelectorAll("[data-key]")];
  const summary = form.querySelector(".summary");
  const status = form.querySelector("[role=status]");
  const submit = form.querySelector("[type=submit]");
  const announce = (text) => (status.textContent = text);
  const isPreview = "preview" in form.dataset;
  const home = new URL(page.home, location.href).href;
  // Answers that the server has sent back, or another language than the shop's, count as used.
  let isUsed = Boolean(summary.firstElementChild) || location.pathname !== new URL(home).pathname;
  let isSending = false;
  let isPressing = false;

  const checked = (within) => {
    const wrong = fields.filter((field) => within.contains(field) && check(field));
    summarise(summary, wrong);
    if (wrong.length) steps.goTo(controls(wrong[0])[0]);
    return !wrong.length;
  };
  const steps = new Steps(form, checked, announce);
  const conditions = new Conditions(form);
  steps.refresh();
  const wrong = form.querySelector("[aria-invalid]");
  if (wrong) steps.show(wrong.closest("[data-step]"));

  // A message that appears on leaving a field would push a button away from under the finger that is
  // pressing it, and the press would be lost. The button checks everything anyhow.
  form.addEventListener("pointerdown", (event) => (isPressing = !!event.target.closest("button")));
  addEventListener("pointerup", () => (isPressing = false));
  addEventListener("pointercancel", () => (isPressing = false));
  checkOnLeaving(fields, announce, () => isPressing || isSending);
  followLinks(summary, (input) => steps.goTo(input));
  stayAboveKeyboard();
  for (const field of fields) {
    if (field.dataset.kind === "email") hintAt(field, announce);
    if (field.dataset.kind === "mobile") {
      spaceWhileTyping(field.querySelector("input"), () => page.country);
    }
  }

  form.addEventListener("input", () => {
    isUsed = true;
    if (conditions.apply()) steps.refresh();
  });
  form.addEventListener("click", (event) => (isUsed ||= !!event.target.closest("button")));

  form.addEventListener("keydown", (event) => {
    // The key is labelled "next" on the tablet's keyboard: it does what it says.
    if (event.key !== "Enter" || event.isComposing || !event.target.matches("input.input")) return;
    const stops = fields.flatMap(controls).filter((stop) => steps.current.contains(stop));
    const after = stops[stops.indexOf(event.target) + 1];
    if (!after && steps.isLast) return;
    event.preventDefault();
    if (after) after.focus();
    else steps.goOn();
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (isSending || !checked(form) || isPreview) return;
    isSending = true;
    submit.setAttribute("aria-disabled", "true");
    const label = submit.textContent;
    announce((submit.textContent = submit.dataset.sending));
    form.elements.signup_id.value ||= newId();
    form.elements.submitted_at.value = new Date().toISOString();
    const answer = await send(form);
    if (!answer.errors && !answer.error) return showThanks(document.querySelector("[data-thanks]"));
    isSending = false;
    submit.removeAttribute("aria-disabled");
    submit.textContent = label;
    refuse(answer.errors ?? {});
  });

  function refuse(errors) {
    const wrong = fields.filter((field) => errors[field.dataset.key] && controls(field).length);
    for (const field of wrong) {
      show(field, errors[field.dataset.key].map(({ message }) => message).join(" "));
    }
    summarise(summary, wrong);
    if (wrong.length) return steps.goTo(controls(wrong[0])[0]);
    say(summary, summary.dataset.failed);
    summary.focus();
  }

  // Brought back by the browser's "back", the page would hold the last shopper's answers and id.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.replace(location.pathname + location.search);
  });
  for (const link of document.querySelectorAll("[data-language]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      location.replace(link.href);
    });
  }
  const idle = document.querySelector("[data-idle]");
  if (idle) watchForIdling(idle, () => isUsed && !isSending, () => location.replace(home));
  app?.then(({ start }) => start(form, () => steps.refresh()));
  form.dataset.ready = ""; // the stylesheet leaves showing and hiding to the modules from here on
}

/** {} when the sign-up is safe, else what the server says. */
async function send(form) {
  const data = new FormData(form);
  try {
    if (app) {
      await (await app).submit(data);
      return {};
    }
  } catch (error) {
    console.error(error); // a tablet that can't keep anything: the network is the other way
  }
  try {
    return await post(form.action, data);
  } catch {
    return { error: "no answer" };
  }
}
