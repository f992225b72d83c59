// The page that a device opens first. Not paired: a code for staff, until they have typed it. Paired:
// fetch all that the tablet needs, then on to its page.

import * as queue from "./queue.js";
import { contact, status } from "./sending.js";
import * as shell from "./shell.js";

const ASK = 2_000; // ms between two questions whether staff have typed the code
const views = document.querySelectorAll("[data-view]");
const show = (name) => views.forEach((view) => (view.hidden = view.dataset.view !== name));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

main();

async function main() {
  for (;;) {
    await contact([]);
    if (status.link === "online") return enter();
    if (status.link === "unpaired") {
      if (await pair()) continue;
    } else {
      show("offline");
    }
    await pause(ASK);
  }
}

/** True once this device has its token. */
async function pair() {
  const asked = await post("/app/pair/ask", {});
  if (!asked.code) {
    show(asked.error ? "busy" : "offline");
    await pause(15_000);
    return false;
  }
  draw(asked);
  show("code");
  const ends = Date.now() + asked.seconds * 1_000;
  while (Date.now() < ends) {
    await pause(ASK);
    const { paired, error } = await post("/app/pair/claim", asked);
    if (paired) return true;
    if (error) return false; // over: the next code
  }
  return false;
}

function draw({ code, qr }) {
  const digits = document.querySelector("[data-code]");
  digits.textContent = `${code.slice(0, 3)} ${code.slice(3)}`;
  digits.setAttribute("aria-label", [...code].join(" "));
  const picture = document.querySelector("[data-qr]");
  picture.setAttribute("viewBox", `0 0 ${qr.size} ${qr.size}`);
  picture.firstElementChild.setAttribute("d", qr.path);
}

/** Everything is fetched before the page is opened, so that it opens without a network from now on. */
async function enter() {
  show("getting ready");
  const state = await queue.get("state").catch(() => null);
  try {
    if (!state) throw new Error("nothing can be stored here");
    if (!state.paths.length) return show("no page");
    await shell.keep(state.release, state.paths);
    await shell.register();
  } catch (error) {
    // A private window, or an address without https: the page works, with a network only.
    console.error(error);
    show("limited");
    return;
  }
  location.replace(state.paths[0]);
}

async function post(path, body) {
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return await response.json();
  } catch {
    return {};
  }
}
