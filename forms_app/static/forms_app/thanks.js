// The thank-you: shown in place of the form, and left by itself for the next customer.

/** What stands in `template` takes the place of the whole page, and the form is gone. */
export function showThanks(template) {
  document.title = template.dataset.title;
  document.body.className = template.dataset.view;
  document.body.replaceChildren(template.content.cloneNode(true));
  scrollTo(0, 0);
  document.querySelector("h1").focus(); // so that a screen reader reads it
  leaveByItself(document.querySelector("[data-next]"));
}

/** Follows `link` after its data-seconds, which a touch or a key starts again. */
export function leaveByItself(link) {
  const leave = () => location.replace(link.href); // replaced: "back" doesn't lead to a shopper
  const timer = document.querySelector(".timer");
  let waiting;
  const start = () => {
    clearTimeout(waiting);
    waiting = setTimeout(leave, link.dataset.seconds * 1000);
    for (const animation of timer.getAnimations()) animation.currentTime = 0;
  };
  link.addEventListener("click", (event) => {
    event.preventDefault();
    leave();
  });
  timer.style.animationDuration = `${link.dataset.seconds}s`;
  timer.hidden = false;
  // Who needs longer to read touches the page or presses a key.
  addEventListener("pointerdown", start);
  addEventListener("keydown", start);
  addEventListener("pageshow", start);
  start();
}
