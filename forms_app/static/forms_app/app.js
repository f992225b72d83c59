// What a paired tablet adds to the page: a sign-up is sealed and kept first, then sent; the screen
// stays on; what is new is shown between two shoppers; staff have a menu. Started by tablet.js where
// <html data-app> stands, which only a paired tablet's own copy of the page says (shell.js).

import { isOpen, opensNext } from "./hours.js";
import * as queue from "./queue.js";
import { possible, seal } from "./seal.js";
import { begin, onChange, status, sync } from "./sending.js";
import * as shell from "./shell.js";
import { keepStored, stayAwake } from "./wake.js";

const LOOK = 15_000; // ms between two looks at the clock
const CALM = 10_000; // ms without a touch until the page may be changed
const [TAPS, IN_MS] = [5, 3_000];

const about = { app: "", version: "" };
let state = null;
let touched = Date.now();
let isStale = false; // a newer copy of the page waits
const ready = prepare();

async function prepare() {
  if (!possible() || !(await queue.writable())) return false;
  state = await queue.get("state");
  return Boolean(state?.key);
}

/** Rejects when nothing can be kept here: then the page posts to the server, as without an app. */
export async function submit(data) {
  if (!(await ready)) throw new Error("This tablet can't keep sign-ups.");
  await put(data.get("signup_id"), data.get("form_version"), { fields: [...data] });
  sync();
  return "queued";
}

async function put(id, version, content) {
  const { key } = (await queue.get("state")) ?? state;
  await queue.add(await seal(key, id, version, content));
}

/** What staff send to see whether the way is free; the server marks it as a test. */
async function sendTest() {
  const id = crypto.randomUUID();
  await put(id, about.version, { test: true });
  await sync();
  return !(await queue.all()).some((entry) => entry.id === id);
}

/** `refresh()`: a field has gone from the form. */
export async function start(form, refresh) {
  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = new URL("./app.css", import.meta.url).href;
  document.head.append(style);
  about.version = form.elements.form_version.value;
  for (const touch of ["pointerdown", "keydown"]) {
    addEventListener(touch, () => (touched = Date.now()), { capture: true, passive: true });
  }
  listenForStaff();
  stayAwake();
  keepStored();
  const isUsable = await ready;
  if (isUsable && state.store_id) knowStore(form, refresh);
  about.app = (await shell.current())?.release.split(".")[0] ?? "";
  onChange(({ link }, news) => {
    if (news) state = news;
    showNotice(!isUsable ? "failed" : link === "offline" ? "offline" : "");
    if (link === "online") renew();
  });
  begin(() => about);
  setInterval(look, LOOK);
  look();
}

/** This tablet stands in a store, so nobody is asked which. */
function knowStore(form, refresh) {
  for (const field of form.querySelectorAll("[data-kind=store]")) {
    const answer = { type: "hidden", name: field.dataset.key, value: state.store_id };
    field.replaceChildren(Object.assign(document.createElement("input"), answer));
    field.dataset.known = "";
    field.hidden = true;
  }
  refresh();
}

/** The server has another release: make a copy of it. It is shown when nobody is at the tablet. */
async function renew() {
  try {
    isStale = (await shell.keep(state.release, state.paths)) || isStale;
  } catch (error) {
    console.error(error); // the copy that there is stays; the next contact tries again
  }
}

async function look() {
  if (!isCalm()) return;
  if (isStale) return location.replace(state.paths[0]);
  const openUntil = (await queue.get("open until").catch(() => 0)) ?? 0;
  showClosed(state && Date.now() > openUntil && !isOpen(state.hours));
}

/** Nobody types, and nothing is typed in. */
function isCalm() {
  const controls = document.querySelector("[data-signup]")?.elements ?? [];
  const isUntouched = [...controls].every((control) =>
    control.options
      ? control.selectedIndex === Math.max(0, [...control.options].findIndex((o) => o.defaultSelected))
      : control.type === "hidden" ||
        !("defaultValue" in control) || // a button
        (control.value === control.defaultValue && control.checked === control.defaultChecked),
  );
  const isAsking = document.querySelector("dialog[open]:not(.closed)");
  return isUntouched && !isAsking && Date.now() - touched > CALM;
}

export function words() {
  return state?.texts[document.documentElement.lang] ?? state?.texts.en ?? {};
}

/** One quiet line at the foot of the page. It is there before it is filled, so that it is read. */
function showNotice(name) {
  let notice = document.querySelector(".app-notice");
  if (!notice) {
    notice = document.createElement("p");
    notice.className = "app-notice";
    notice.role = "status";
    document.body.append(notice);
  }
  const text = words()[name] ?? "";
  if (notice.textContent !== text) notice.textContent = text;
}

function showClosed(isClosed) {
  const shown = document.querySelector(".closed");
  if (Boolean(shown) === Boolean(isClosed)) return;
  if (shown) return shown.remove();
  const screen = document.createElement("dialog");
  screen.className = "closed";
  const logo = document.querySelector(".logo");
  if (logo) screen.append(logo.cloneNode(true));
  const { closed_title, closed_text, opens } = words();
  const title = document.createElement("h1");
  title.textContent = closed_title;
  const next = opensNext(state.hours, document.documentElement.lang);
  const lines = [closed_text, next && opens.replace("{when}", next)].filter(Boolean);
  screen.append(title, ...lines.map((line) => Object.assign(document.createElement("p"), { textContent: line })));
  screen.addEventListener("cancel", (event) => event.preventDefault());
  document.body.append(screen);
  screen.showModal();
}

/** Staff opens late, or has guests: two hours from now. */
async function keepOpen() {
  await queue.set("open until", Date.now() + 2 * 3_600_000);
  showClosed(false);
}

const closedNow = () => Boolean(state) && !isOpen(state.hours);

/** Five taps on the logo open the staff menu. */
function listenForStaff() {
  let taps = [];
  document.addEventListener("pointerdown", async (event) => {
    if (!event.target.closest(".logo")) return void (taps = []);
    taps = [...taps.filter((at) => event.timeStamp - at < IN_MS), event.timeStamp];
    if (taps.length < TAPS) return;
    taps = [];
    const staff = await import("./staff.js");
    staff.open(about, { closedNow, keepOpen, sendTest });
  });
}
