// An input that opens a list of the CRM's attributes: type to search, arrows and Enter to choose.
// What can't take this field is shown with its reason and can't be chosen.
// After the combobox pattern of the ARIA Authoring Practices, with a list that is narrowed.

const MOST = 60; // shown at once; typing narrows them
let number = 0;

const words = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

function matching(attributes, typed) {
  const wanted = words(typed);
  return attributes.filter((one) => {
    const text = `${one.text} ${one.name}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

export function attributePicker(input, attributes, sourceType) {
  const list = document.createElement("ul");
  list.className = "map-list";
  list.id = `attribute-list-${(number += 1)}`;
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", input.labels[0]?.textContent ?? "");
  input.removeAttribute("list");
  input.after(list);
  for (const [name, value] of Object.entries({
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": list.id,
  })) {
    input.setAttribute(name, value);
  }
  let active = -1;
  let before = input.value;

  const options = () => [...list.querySelectorAll("[role=option]:not([aria-disabled])")];

  function option(text, note, reason) {
    const item = document.createElement("li");
    item.id = `${list.id}-${list.children.length}`;
    item.setAttribute("role", "option");
    item.append(text);
    const small = document.createElement("small");
    small.textContent = reason || note;
    item.append(small);
    if (reason) item.setAttribute("aria-disabled", "true");
    else item.dataset.value = text;
    list.append(item);
    return item;
  }

  function fill(typed) {
    list.replaceChildren();
    if (!typed.trim()) option("Not sent", "").dataset.value = "";
    const found = matching(attributes, typed);
    const usable = found.filter((one) => !one.refuses[sourceType]);
    const refused = found.filter((one) => one.refuses[sourceType]);
    for (const one of [...usable, ...refused].slice(0, MOST)) {
      option(one.text, `${one.holds}${one.required ? ", required" : ""}`, one.refuses[sourceType]);
    }
    const more = found.length - MOST;
    if (more > 0 || !found.length) {
      const item = document.createElement("li");
      item.className = "map-list__none";
      item.textContent = found.length ? `and ${more} more: type to search` : "Nothing of this name";
      list.append(item);
    }
    mark(typed.trim() ? 0 : -1);
  }

  function mark(index) {
    const all = options();
    active = all.length ? Math.max(-1, Math.min(index, all.length - 1)) : -1;
    all.forEach((one, at) => one.setAttribute("aria-selected", at === active ? "true" : "false"));
    const chosen = all[active];
    if (chosen) {
      input.setAttribute("aria-activedescendant", chosen.id);
      chosen.scrollIntoView({ block: "nearest" });
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  }

  function open(typed) {
    fill(typed);
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
  }

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function choose(value) {
    input.value = value;
    close();
    settle();
  }

  function settle() {
    if (input.value === before) return;
    before = input.value;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  input.addEventListener("input", () => open(input.value));
  input.addEventListener("click", () => (list.hidden ? open("") : close()));
  input.addEventListener("blur", close);
  input.addEventListener("change", () => (before = input.value));
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) open("");
      mark(active + (event.key === "ArrowDown" ? 1 : active < 0 ? 0 : -1));
    } else if (event.key === "Enter" && !list.hidden && active >= 0) {
      event.preventDefault(); // else it would save the page
      choose(options()[active].dataset.value);
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      input.value = before;
      close();
    }
  });
  // Before blur closes the list.
  list.addEventListener("mousedown", (event) => {
    event.preventDefault();
    const item = event.target.closest("[role=option]:not([aria-disabled])");
    if (item) choose(item.dataset.value);
  });
}
