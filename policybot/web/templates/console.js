// Makes the moderators' pages quicker: keys, a proposal that follows the form, and a look every twenty
// seconds at whether the case has changed. Everything works without it.
"use strict";

const EVERY = 20000;
const HERE_FOR = 300000;
const PAUSE = 400;
let lastSign = Date.now();
for (const kind of ["keydown", "pointerdown", "input"]) {
  addEventListener(kind, () => { lastSign = Date.now(); }, { passive: true, capture: true });
}

function typing(target) {
  return target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select");
}

function shown(element) {
  return element.getClientRects().length > 0;
}

function keys() {
  return [...document.querySelectorAll("[data-key]")].filter(shown);
}

// Keys ---------------------------------------------------------------------------------------------

function help() {
  const known = document.getElementById("keys");
  if (known !== null) {
    known.remove();
    return;
  }
  const box = document.createElement("dialog");
  const title = document.createElement("h2");
  const list = document.createElement("dl");
  box.id = "keys";
  box.setAttribute("aria-labelledby", "keys-title");
  title.id = "keys-title";
  title.textContent = "Keys";
  for (const one of keys()) {
    const key = document.createElement("dt");
    const does = document.createElement("dd");
    key.textContent = one.dataset.key;
    does.textContent = one.dataset.does || one.textContent.trim();
    list.append(key, does);
  }
  const close = document.createElement("button");
  close.textContent = "Close";
  close.addEventListener("click", () => box.remove());
  box.addEventListener("close", () => box.remove());
  box.append(title, list, close);
  document.body.append(box);
  box.showModal();
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape" && typing(event.target)) {
    event.target.blur();
    return;
  }
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "?") {
    event.preventDefault();
    help();
    return;
  }
  const meant = keys().find((one) => one.dataset.key === event.key);
  if (meant === undefined) return;
  event.preventDefault();
  if (typing(meant) || meant.matches("[tabindex='-1']")) meant.focus();
  else meant.click();
});

// What a decision would be -------------------------------------------------------------------------

const form = document.getElementById("decide");
const foresight = document.getElementById("foresight");
let timer = null;
let asked = 0;

async function foresee() {
  const mine = ++asked;
  try {
    const answer = await fetch(`${location.pathname}/foresight`, { method: "POST", body: new FormData(form) });
    const text = await answer.text();
    // Only what was asked last is shown.
    if (answer.ok && mine === asked) foresight.innerHTML = text;
  } catch {
    if (mine === asked) foresight.textContent = "The page cannot reach us. What you wrote stays here.";
  }
}

if (form !== null && foresight !== null) {
  for (const one of document.querySelectorAll("[data-without-script]")) one.hidden = true;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(foresee, PAUSE);
  });
}

// How the case stands ------------------------------------------------------------------------------

const live = document.getElementById("live");

async function pulse() {
  if (document.visibilityState !== "visible") return;
  const data = new FormData();
  data.set("seen", live.dataset.seen);
  if (Date.now() - lastSign < HERE_FOR) data.set("active", "1");
  let words = "";
  try {
    const answer = await fetch(`${location.pathname}/pulse`, { method: "POST", body: data });
    const known = await answer.json();
    if (!answer.ok) words = known.error;
    else {
      if (known.changed) words = "The case has changed since you loaded this page: load it again. ";
      if (known.holder !== live.dataset.holder) {
        words += known.holder === "" ? "Nobody has it now. " : `It is with ${known.holder} now. `;
      }
      if (known.others.length > 0) words += `Also looking: ${known.others.join(", ")}. `;
    }
  } catch {
    words = "The page cannot reach us just now.";
  }
  if (live.textContent !== words.trim()) live.textContent = words.trim();
}

if (live !== null) {
  setInterval(pulse, EVERY);
  document.addEventListener("visibilitychange", pulse);
}
