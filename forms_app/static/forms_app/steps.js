// One step of the form at a time. Without this file all of them stand on the page, one below the
// other; a step whose every field is hidden by a condition is left out.

export class Steps {
  /**
   * `form` has a [data-step] for each, the buttons [data-back], [data-forward] and [type=submit],
   * and .dots with data-text ("Step {number} of {total}"). `check(step)` says whether it may be left.
   */
  constructor(form, check, announce) {
    this.all = [...form.querySelectorAll("[data-step]")];
    this.current = this.all[0];
    this.check = check;
    this.announce = announce;
    this.dots = form.querySelector(".dots");
    this.back = form.querySelector("[data-back]");
    this.forward = form.querySelector("[data-forward]");
    this.submit = form.querySelector("[type=submit]");
    this.back?.addEventListener("click", () => this.go(-1));
    this.forward?.addEventListener("click", () => this.goOn());
    this.refresh();
  }

  /** Those that have something to show. */
  get asked() {
    return this.all.filter((step) => step.querySelector("[data-kind]:not([hidden])"));
  }

  get isFirst() {
    return this.asked[0] === this.current;
  }

  get isLast() {
    return this.asked.at(-1) === this.current;
  }

  refresh() {
    if (!this.dots) return; // a form of one step
    const asked = this.asked;
    if (!asked.includes(this.current)) this.current = asked[0] ?? this.current;
    const at = asked.indexOf(this.current);
    for (const step of this.all) step.hidden = step !== this.current;
    this.back.hidden = at <= 0;
    this.forward.hidden = at === asked.length - 1;
    this.submit.hidden = !this.forward.hidden;
    this.text = this.dots.dataset.text.replace("{number}", at + 1).replace("{total}", asked.length);
    this.dots.setAttribute("aria-label", this.text);
    this.current.setAttribute("aria-label", this.text);
    this.dots.replaceChildren(
      ...asked.map((step, number) => {
        const dot = document.createElement("i");
        dot.toggleAttribute("data-current", number === at);
        dot.toggleAttribute("data-done", number < at);
        return dot;
      }),
    );
  }

  goOn() {
    if (this.check(this.current)) this.go(1);
  }

  go(by) {
    this.show(this.asked[this.asked.indexOf(this.current) + by]);
    // Who types goes on typing; else a screen reader starts with the step, whose name says which.
    const first = this.current.querySelector("input:enabled, select:enabled, textarea:enabled");
    const isTyped = first?.matches(".input:not(select)");
    if (isTyped) this.announce(this.text);
    (isTyped ? first : this.current).focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  show(step) {
    this.current = step;
    this.refresh();
  }

  /** To the step of this input, and into it. */
  goTo(input) {
    this.show(input.closest("[data-step]"));
    input.focus();
  }
}
