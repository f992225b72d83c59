// Nobody touches the tablet: it asks whether somebody is still there, counts down, and forgets.
// Only where there is something to forget; an empty form in the shop's language waits for ever.

const TOUCHES = ["pointerdown", "keydown", "input", "scroll"];

/**
 * `dialog` is the question, with data-idle and data-countdown in seconds; `used()` says whether
 * there is anything to forget, `forget()` does it.
 */
export function watchForIdling(dialog, used, forget) {
  const [idle, countdown] = [Number(dialog.dataset.idle), Number(dialog.dataset.countdown)];
  const number = dialog.querySelector("[data-seconds]");
  let touched = Date.now(); // a clock that goes on while the tablet sleeps
  let waiting;

  function look() {
    clearTimeout(waiting);
    if (!dialog.isConnected) return; // the thank-you took the page's place
    if (!used()) touched = Date.now();
    const quiet = (Date.now() - touched) / 1000;
    const left = Math.ceil(idle + countdown - quiet);
    if (left <= 0) return forget();
    waiting = setTimeout(look, 1000 * (quiet < idle ? idle - quiet : 1));
    if (quiet < idle) return;
    number.textContent = left;
    if (!dialog.open) dialog.showModal();
  }

  function stay() {
    touched = Date.now();
    look();
  }

  for (const touch of TOUCHES) {
    const noted = () => dialog.open || (touched = Date.now());
    addEventListener(touch, noted, { capture: true, passive: true });
  }
  // A click, not a pointerdown: what lies below must not get the other half of the touch.
  dialog.addEventListener("click", (event) => {
    if (event.target.closest("[data-forget]")) forget();
    else dialog.close();
  });
  dialog.addEventListener("close", stay);
  document.addEventListener("visibilitychange", look);
  look();
}
