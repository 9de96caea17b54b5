// A digit drawn, chosen, dropped or pasted goes to /api/predict; the answer is shown with the bars of all classes.

const $ = (selector) => document.querySelector(selector);
const canvas = $("#canvas");
const pen = canvas.getContext("2d");
const NAMES = { x: "crossed out", "?": "no digit" };
const PAUSE_MS = 250;
let last = null;
let waiting = 0;
let asked = 0;

function clear() {
  pen.fillStyle = "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.strokeStyle = "#111";
  pen.lineWidth = 16;
  pen.lineCap = pen.lineJoin = "round";
  asked += 1;
  show(null);
}

function place(event) {
  const area = canvas.getBoundingClientRect();
  return [((event.clientX - area.left) * canvas.width) / area.width, ((event.clientY - area.top) * canvas.height) / area.height];
}

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  last = place(event);
  stroke(last);
});
canvas.addEventListener("pointermove", (event) => {
  if (last) for (const each of event.getCoalescedEvents?.() ?? [event]) stroke(place(each));
});
for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { last = null; soon(); });

function stroke(to) {
  pen.beginPath();
  pen.moveTo(...last);
  pen.lineTo(...to);
  pen.stroke();
  last = to;
}

function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(() => canvas.toBlob((picture) => ask(picture, "drawn.png")), PAUSE_MS);
}

async function ask(picture, name) {
  const number = (asked += 1);
  const body = new FormData();
  body.append("file", picture, name);
  try {
    const answer = await fetch("/api/predict", { method: "POST", body });
    const told = await answer.json();
    if (number !== asked) return;  // something else was drawn meanwhile
    if (!answer.ok) throw new Error(typeof told.detail === "string" ? told.detail : "that cannot be read");
    show(told);
  } catch (error) {
    if (number === asked) show(null, error.message);
  }
}

function show(told, problem = "") {
  $("#answer").textContent = told?.digit ?? "";
  $("#sure").className = `problem ${problem ? "bad" : "soft"}`;
  $("#sure").textContent = problem || (told === null ? "Draw a digit."
    : told.digit ? `${percent(told.confidence)} sure; next ${NAMES[told.runner_up] ?? told.runner_up} with ${percent(told.runner_up_confidence)}`
    : told.runner_up ? "That is no digit." : "Nothing is drawn.");
  const rows = Object.entries(told?.scores ?? {}).flatMap(([name, score]) => {
    const [label, meter, figure] = ["span", "meter", "span"].map((tag) => document.createElement(tag));
    label.textContent = NAMES[name] ?? name;
    meter.value = score;
    meter.setAttribute("aria-label", `${label.textContent}: ${percent(score)}`);
    figure.textContent = percent(score);
    if (name === told.digit) label.className = figure.className = "best";
    return [label, meter, figure];
  });
  $("#bars").replaceChildren(...rows);
  $("#seen").hidden = !told;
  if (told) $("#seen").src = `data:image/png;base64,${told.seen}`;
}

const percent = (part) => `${(100 * part).toFixed(1)} %`;

function take(file) {
  if (!file) return;
  const picture = new Image();
  picture.onload = () => {
    clear();
    const scale = Math.min(canvas.width / picture.width, canvas.height / picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    pen.drawImage(picture, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
    URL.revokeObjectURL(picture.src);
    ask(file, file.name || "picture.png");
  };
  picture.onerror = () => { clear(); ask(file, file.name || "picture"); };  // the server says what is wrong with it
  picture.src = URL.createObjectURL(file);
}

$("#clear").addEventListener("click", clear);
$("#choose").addEventListener("click", () => $("#file").click());
$("#file").addEventListener("change", (event) => { take(event.target.files[0]); event.target.value = ""; });
document.addEventListener("paste", (event) => take([...event.clipboardData.files][0]));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => { event.preventDefault(); take(event.dataTransfer.files[0]); });
document.addEventListener("keydown", (event) => { if (event.key === "Escape") clear(); });
clear();
