// All boxes that were read as the same digit: click the odd ones out, the rest is confirmed at a stroke.

import { $, askPerson, openSession, post, get, showProgress } from "/static/common.js";

const CHARACTERS = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "_", "x"];
const NAMES = { _: "empty", x: "crossed out" };
let who = "";
let character = "0";
let boxes = [];
let asked = 0;       // how often boxes were asked for
let isBusy = false;

async function begin() {
  const session = await openSession();
  $("#title").textContent = session.title;
  who = await askPerson();
  $("#tabs").replaceChildren(...CHARACTERS.map(tab));
  await showProgress();
  await load("0");
}

function tab(name) {
  const button = document.createElement("button");
  button.textContent = NAMES[name] ?? name;
  button.dataset.character = name;
  button.addEventListener("click", () => load(name));
  return button;
}

function group(name) {
  return `/api/group/${name}?who=${encodeURIComponent(who)}`;
}

async function load(name) {
  const number = (asked += 1);
  const found = await get(group(name));
  if (number !== asked) return;  // others were asked for meanwhile
  character = name;
  boxes = found;
  for (const button of $("#tabs").children) button.setAttribute("aria-pressed", String(button.dataset.character === name));
  const what = NAMES[name] ?? name;
  $("#ask").textContent = boxes.length ? `Which of these is not ${name in NAMES ? what : "a " + what}?` : `No box read as ${what} waits here.`;
  $("#grid").replaceChildren(...boxes.map(box));
  $("#done").disabled = !boxes.length;
  $("#grid").firstElementChild?.focus();
}

function box(each) {
  // The crop of the whole field, moved so that the box is what shows of it.
  const [left, top, right, bottom] = each.places[each.cell];
  const button = document.createElement("button");
  button.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-label", `${each.field} of ${each.file}, box ${each.cell + 1}`);
  button.title = `${each.field}, ${each.file}`;
  const picture = document.createElement("img");
  picture.alt = "";
  picture.loading = "lazy";
  const [x, y] = [(right - left) * 0.15, (bottom - top) * 0.1];
  const [width, height] = [right - left + 2 * x, bottom - top + 2 * y];
  picture.style.width = `${100 / width}%`;
  picture.style.height = `${100 / height}%`;
  picture.style.left = `${(-100 * (left - x)) / width}%`;
  picture.style.top = `${(-100 * (top - y)) / height}%`;
  picture.src = `/crop/${each.id}.png`;
  button.append(picture);
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
  });
  return button;
}

async function done() {
  if (!boxes.length || isBusy) return;
  isBusy = true;
  try {
    await confirm();
  } catch (error) {
    $("#told").textContent = `not kept: ${error.message}`;
  } finally {
    isBusy = false;
  }
}

async function confirm() {
  const buttons = [...$("#grid").children];
  const isOdd = buttons.map((button) => button.getAttribute("aria-pressed") === "true");
  const isSeen = buttons.map((button) => button.querySelector("img").naturalWidth > 0);  // far below they are not loaded
  const told = boxes.map((each) => ({ id: each.id, cell: each.cell }));
  const right = told.filter((_, index) => isSeen[index] && !isOdd[index]);
  const odd = told.filter((_, index) => isOdd[index]);
  if (!right.length && !odd.length) throw new Error("no picture is there yet; if none comes, look at these one by one");
  const answer = await post("/api/group", { who, character, right, odd });
  $("#told").textContent = `${right.length + odd.length} boxes looked at; ${answer.settled} fields settled.`;
  await showProgress();
  const number = asked;
  const left = await get(group(character));
  let next = character;
  for (const name of left.length ? [] : CHARACTERS) {
    if ((await get(group(name))).length) { next = name; break; }
  }
  if (number === asked) await load(next);
}

$("#done").addEventListener("click", done);
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.id !== "who-name" && !event.target.closest?.("#tabs, a, #done")) {
    event.preventDefault();
    if (!event.repeat) done();  // a key held down confirms one grid, not all
  }
});

begin();
