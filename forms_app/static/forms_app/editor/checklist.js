/* What to look at before publishing. A line's link opens the tab and the block it leads to. */

import { listen } from "./draft.js";

const panel = document.querySelector("[data-checklist]");

listen(panel.dataset.draftUrl, ({ checklist }) => {
  if (panel.innerHTML !== checklist) panel.innerHTML = checklist;
});

document.addEventListener("draft:unreadable", () => {
  const waiting = panel.querySelector(".checklist__wait");
  if (waiting) waiting.textContent = "First mend what is marked below.";
});

panel.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  const place = link && document.getElementById(link.hash.slice(1));
  if (!place) return;
  event.preventDefault();
  show(place);
});

function show(place) {
  const tab = place.closest('[role="tabpanel"]');
  if (tab?.hidden) document.querySelector(`[role="tab"][href="#${tab.id}"]`)?.click();
  const toggle = place.querySelector('[data-panel-toggle][aria-expanded="false"]');
  toggle?.click();
  place.scrollIntoView({ block: "start" });
  const inside = "input:not([type=hidden]), textarea, select, button, a";
  if (place !== tab) place.querySelector(inside)?.focus({ preventScroll: true });
}
