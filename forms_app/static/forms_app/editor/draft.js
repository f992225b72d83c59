/* Posts what stands in the editor, saved or not, a moment after it has changed, and tells the panels
   of the page what the server makes of it: `listen(answer => …)`. What can't be read as a page is
   told as the event draft:unreadable. */

const listeners = [];
let form, url, waiting, busy, again, last;

export function listen(address, listener) {
  listeners.push(listener);
  if (last) listener(last);
  if (form || !address) return;
  url = address;
  form = document.getElementById("page-edit-form") ?? document.querySelector("form[data-edit-form]");
  // A click on the bin: a deleted block stays in the tree and says nothing.
  for (const event of ["input", "change"]) form.addEventListener(event, soon);
  form.addEventListener("click", ({ target }) => target.closest("[data-streamfield-action]") && soon());
  // Blocks that come or move say nothing: only the tree changes.
  new MutationObserver((changes) => {
    if (changes.some(({ target }) => target.closest("[data-streamfield-stream-container], [data-streamfield-list-container]"))) soon();
  }).observe(form, { childList: true, subtree: true });
  soon();
}

export function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(ask, 700);
}

async function ask() {
  if (!form.elements.namedItem("fields-count")) return soon(); // Wagtail is drawing the fields
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  try {
    const answer = await fetch(url, { method: "POST", body: new FormData(form) });
    if (answer.status === 200) {
      last = await answer.json();
      for (const listener of listeners) listener(last);
    } else if (answer.status === 204) {
      document.dispatchEvent(new Event("draft:unreadable"));
    }
  } finally {
    busy = false;
    if (again) {
      again = false;
      soon();
    }
  }
}
