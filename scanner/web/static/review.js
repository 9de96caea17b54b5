// One field at a time, by keyboard: the crop large, below it the boxes with what was read, or is being typed.

import { $, askPerson, openSession, post, setPerson, showProgress } from "/static/common.js";

const AHEAD = 3;  // fields whose pictures are loaded before they are needed
const CHECK_MS = 120;
const UNSURE = 0.98;
const BOX_REM = 7;   // width of a box on a wide screen
const MOST = 200;    // characters of a number
const UNSEEN = "its picture cannot be shown; type what is written on the sheet, or leave it for later";

let who = "";
let queue = [];      // fields that are ours, the first of them shown
const finished = new Set();  // fields that were said something of: an answer on its way may still bring them
let typed = null;    // what is being typed; null: what was read stands
let shownAt = 0;
let isCertain = false;
let isBusy = false;  // what was said may be refused: until the answer, nothing else is said
let saying = Promise.resolve();  // what cannot be refused and is on its way
let checking = 0;

const blanks = { " ": "_", "-": "x" };

async function begin() {
  const session = await openSession();
  $("#title").textContent = session.title;
  document.title = `${session.title}: review`;
  who = await askPerson();
  await fill();
  await showProgress();
  show();
}

async function fill() {
  const wanted = AHEAD + 1 - queue.length;
  if (wanted <= 0) return;
  const more = await post("/api/next", { who, count: AHEAD + 1 });
  const known = new Set(queue.map((field) => field.id));
  for (const field of more) {
    if (!known.has(field.id) && !finished.has(field.id)) queue.push(field);
  }
  for (const field of queue) {
    if (!field.picture) load(field);
  }
}

function load(field) {
  const picture = new Image();
  picture.alt = "The field as it was written";
  picture.onerror = () => { if (queue[0] === field) tell(UNSEEN); };
  picture.src = `/crop/${field.id}.png`;
  picture.decode?.().catch(() => {});
  field.picture = picture;
}

async function refill() {
  // What is shown stays, unless there was nothing.
  await fill();
  if ($("#field").hidden || !queue.length) show();
  await showProgress();
}

function leave(field) {
  // The screen always shows the first of the queue: the next one comes at once, before anything can be pressed.
  const wasShown = queue[0] === field;
  queue = queue.filter((each) => each !== field);
  if (wasShown) show();  // else what is being typed would be lost
}

function show() {
  const field = queue[0];
  $("#field").hidden = !field;
  $("#nothing").hidden = Boolean(field);
  $("#page").hidden = true;
  if (!field) return;
  typed = field.is_blind ? "" : null;
  isCertain = false;
  shownAt = performance.now();
  $("#name").textContent = field.label || field.field;
  $("#place").textContent = `${field.form ? field.form + ", " : ""}${field.file}${field.page > 1 ? `, page ${field.page}` : ""}`
    + (field.purpose === "sample" ? " - sample: type what you see" : field.is_blind ? " - type what you see" : "");
  field.picture.id = "crop";
  $(".crop").replaceChildren(field.picture);  // never the one before under this one's name
  $(".crop").style.maxWidth = `${Math.max(14, Math.min(64, field.boxes * BOX_REM + 3))}rem`;
  $("#boxes").style.maxWidth = $(".crop").style.maxWidth;
  tell(reason(field), "doubt");
  if (field.picture.complete && !field.picture.naturalWidth) tell(UNSEEN);
  $("#choices").replaceChildren(...field.choices.map(choice));
  draw();
  $("#typed").focus();
  window.dispatchEvent(new CustomEvent("scanner-shown", { detail: field.id }));
}

function reason(field) {
  const told = field.rule ? `${field.value} ${field.rule}`.trim() : field.reason.replaceAll("_", " ");
  const other = field.runner_up ? `it may be ${field.runner_up}` : "";
  return [told, other].filter(Boolean).join("; ");
}

function choice(name) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = name;
  button.setAttribute("aria-pressed", String(value().split(";").includes(name)));
  button.addEventListener("click", () => {
    const chosen = new Set(value().split(";").filter((each) => each && each !== "_"));
    const isTaken = chosen.delete(name);
    if (!queue[0].multiple) chosen.clear();
    if (!isTaken) chosen.add(name);
    typed = [...chosen].join(";") || "_";
    for (const each of $("#choices").children) each.setAttribute("aria-pressed", String(chosen.has(each.textContent)));
    draw();
  });
  return button;
}

const value = () => typed ?? queue[0]?.value ?? "";

function draw() {
  // The boxes: what was read, or what is being typed.
  const field = queue[0];
  const letters = typed === null ? field.cells : field.choices.length ? "" : aligned(field, typed);
  const spans = field.places.map(([left, , right], index) => {
    const span = document.createElement("span");
    span.style.left = `${100 * left}%`;
    span.style.width = `${100 * (right - left)}%`;
    const letter = letters[index] ?? "";
    span.textContent = letter === "_" ? "" : letter;
    if (typed !== null) span.classList.add("typed");
    else if ((field.confidences[index] ?? 1) < UNSURE) span.classList.add("unsure");
    if (field.odd.includes(index)) span.classList.add("odd");
    if (typed !== null && index === letters.length) span.classList.add("at");
    return span;
  });
  $("#boxes").replaceChildren(...spans);
  $("#typed").value = typed ?? field.value;
}

function aligned(field, text) {
  // As many digits as boxes were filled go there; else from the left, box by box.
  const filled = [...field.cells].map((cell, index) => (cell === "_" ? -1 : index)).filter((index) => index >= 0);
  if (text.length !== filled.length || /[_x?]/.test(text)) return text;
  const cells = Array(field.boxes).fill("_");
  filled.forEach((index, place) => { cells[index] = text[place]; });
  return cells.join("");
}

function tell(text, kind = "bad") {
  const place = $("#problem");
  place.textContent = text;
  place.className = `problem ${kind}`;
}

function type(text) {
  typed = text;
  isCertain = false;
  draw();
  clearTimeout(checking);
  checking = setTimeout(check, CHECK_MS);
}

async function check() {
  const field = queue[0];
  if (!field || !typed) return;
  const told = await post("/api/check", { id: field.id, typed }).catch(() => null);
  if (told && queue[0] === field) tell(told.impossible || told.problem, told.impossible ? "soft" : "doubt");
}

async function say(text) {
  const field = queue[0];
  if (!field || isBusy) return;
  if (typed === null && !field.picture.naturalWidth) {  // nobody confirms what they have not seen
    tell(field.picture.complete ? UNSEEN : "its picture is on its way");
    return;
  }
  if (!text) {
    tell("type what is written, Space for an empty box; x if nobody can read it");
    return;
  }
  isBusy = true;
  let waits = true;
  const seconds = (performance.now() - shownAt) / 1000;
  const next = queue[1];
  finished.add(field.id);
  try {
    const asked = post("/api/say", { who, id: field.id, typed: text, seconds, is_certain: isCertain });
    if (!field.is_blind && next && text === field.value) {  // it cannot be refused: the next is shown, and may be settled
      leave(field);
      isBusy = waits = false;
      saying = Promise.allSettled([saying, asked]);
      await asked;
    } else {
      const told = await asked;
      if (told.again !== undefined) {
        isCertain = true;
        finished.delete(field.id);
        tell(`the machine has read ${told.again || "nothing"}; Enter once more if you are certain`);
        return;
      }
      leave(field);
    }
    refill();
  } catch (error) {
    if (error.status === 404) {  // somebody else has settled it, or it was read anew
      leave(field);
      refill();
    } else {
      finished.delete(field.id);
      if (!queue.includes(field)) { queue.unshift(field); show(); }
      tell(error.message);
    }
  } finally {
    if (waits) isBusy = false;
  }
}

function confirmed() {
  const field = queue[0];
  if (typed !== null) return typed;
  if (field.choices.length) return field.value || "_";
  return /\?/.test(field.cells) ? "" : field.value || (/^[_x]+$/.test(field.cells) ? field.cells : "");
}

async function later() {
  const field = queue[0];
  if (!field || isBusy) return;
  leave(field);
  try {
    await post("/api/skip", { who, id: field.id });
  } catch (error) {
    if (error.status !== 404) throw error;  // it is settled, and comes no more
  }
  await refill();  // it comes back when nothing else is left
}

async function undo() {
  if (isBusy) return;
  isBusy = true;
  try {
    await saying;
    const field = await post("/api/undo", { who });
    if (!field) { tell("nothing to take back", "soft"); return; }
    queue = queue.filter((each) => each.id !== field.id);
    finished.delete(field.id);
    load(field);
    queue.unshift(field);
    show();
    showProgress();
  } catch (error) {
    tell(error.message);
  } finally {
    isBusy = false;
  }
}

function whole() {
  const page = $("#page");
  page.hidden = !page.hidden;
  if (page.hidden) return;
  const picture = new Image();
  picture.alt = "The page, the field marked";
  picture.onerror = () => { page.textContent = "The page is no longer where it was read."; };
  picture.src = `/page/${queue[0].id}.jpg`;
  page.replaceChildren(picture);
}

const actions = {
  Enter: () => say(confirmed()),
  Tab: later,
  x: () => say("?"),
  u: undo,
  p: whole,
};

document.addEventListener("keydown", (event) => {
  if ($("#field").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
  const onButton = event.target.closest?.("button, a") && event.target.id !== "typed";
  if (onButton && (event.key === "Enter" || event.key === " " || event.key === "Tab")) return;
  if (event.shiftKey && event.key === "Tab") return;
  const field = queue[0];
  if (actions[event.key]) {
    event.preventDefault();
    if (!event.repeat) actions[event.key]();  // a key held down settles one field, not all
  } else if (field && !field.choices.length && (/^[0-9_?]$/.test(event.key) || event.key in blanks)) {
    event.preventDefault();
    if ((typed ?? "").length < MOST) type((typed ?? "") + (blanks[event.key] ?? event.key));
  } else if (field && event.key === "Backspace") {
    event.preventDefault();
    if (typed === null) type("");
    else if (typed === "" && !field.is_blind) { typed = null; tell(reason(field), "doubt"); draw(); } else type(typed.slice(0, -1));
  } else if (field?.choices.length && /^[1-9]$/.test(event.key)) {
    event.preventDefault();
    $("#choices").children[Number(event.key) - 1]?.click();
  }
});

$("#typed").addEventListener("input", (event) => {  // phones have no key events
  const isNumber = !queue[0]?.choices.length;
  type(isNumber ? event.target.value.replace(/[ -]/g, (sign) => blanks[sign]).slice(0, MOST) : event.target.value);
});
$("#accept").addEventListener("click", () => say(confirmed()));
$("#unreadable").addEventListener("click", () => say("?"));
$("#later").addEventListener("click", later);
$("#undo").addEventListener("click", undo);
$("#whole").addEventListener("click", whole);
$("#again").addEventListener("click", async () => { await fill(); await showProgress(); show(); });
$("#who-change").addEventListener("click", () => { setPerson(""); location.reload(); });

begin();
