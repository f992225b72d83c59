/* Suggests an address from the shop's name, and says while typing whether it can be had. */

const name = document.querySelector("#id_name");
const slug = document.querySelector("#id_slug");
const state = document.querySelector("#address-state");
const help = state?.parentElement.querySelector(".field__help");
let isTyped = slug?.value !== "";
let timer;

const simple = (text) =>
  text
    .toLowerCase()
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "")
    .replace(/ß/g, "ss")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "")
    .slice(0, 40);

async function ask() {
  const wanted = slug.value.trim();
  if (wanted.length < 2) {
    show("");
    return;
  }
  const answer = await fetch(`/start/address/?slug=${encodeURIComponent(wanted)}`);
  if (!answer.ok || wanted !== slug.value.trim()) return;
  const { problem } = await answer.json();
  show(problem || "This address is free.", problem ? "wrong" : "good");
}

function show(words, tone = "") {
  state.textContent = words;
  state.dataset.tone = tone;
  if (help) help.hidden = words !== "";
}

function later() {
  clearTimeout(timer);
  timer = setTimeout(() => ask().catch(() => show("")), 300);
}

name?.addEventListener("input", () => {
  if (isTyped) return;
  slug.value = simple(name.value);
  later();
});
slug?.addEventListener("input", () => {
  isTyped = slug.value !== "";
  later();
});
