// The live page: asks how the run stands and shows it. Whatever a run says is shown as text.
"use strict";
const POLL_MS = 1500;
const at = id => document.getElementById(id);
// The token leaves the address at once: a projector shows that. The tab keeps it.
const found = location.hash.slice(1);
if (found) {
  sessionStorage.setItem("token", found);
  history.replaceState(null, "", "/");
}
const token = sessionStorage.getItem("token") || "";
let run = null, ahead = 0, paused = false, asked = 0, told = null;

async function ask(body) {
  const how = { headers: { "X-Ratchet-Token": token } };
  const reply = await fetch("/state", body ? { ...how, method: "POST", body: JSON.stringify(body) } : how);
  if (reply.status === 403) throw new Error("open the address that `ratchet watch` printed");
  const said = await reply.json();
  if (!reply.ok) throw new Error(said.said);
  return said;
}

const say = (id, text) => { if (at(id).textContent !== text) at(id).textContent = text; };
const number = (x, signed) => x === null ? "none" : (signed && x >= 0 ? "+" : "") + x.toFixed(4);

function span(seconds) {
  const s = Math.max(0, Math.round(seconds)), h = Math.floor(s / 3600), m = Math.floor(s % 3600 / 60);
  return h ? `${h} h ${m} min` : m ? `${m} min ${s % 60} s` : `${s} s`;
}

function element(name, text, kind) {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

const WORDS = {
  "not begun": "Not begun", "asking": "The agent is thinking", "waiting": "Waiting for the provider",
  "paused": "Paused", "scoring": "Scoring", "fresh folds": "A gain: scoring on fresh folds",
  "probes": "About to be kept: probing", "not running": "Nobody is working on it",
};

// Every second, so that clocks move between two replies.
function tick() {
  if (!run) return;
  const now = Date.now() / 1000 + ahead, ended = run.stage === "ended";
  const many = run.slots > 1 ? ` ${run.slots} candidates side by side` : "";
  say("stage", ended ? "Ended: " + run.reason : (WORDS[run.stage] || run.stage) + many);
  const busy = !ended && run.since && run.stage !== "not running" && run.stage !== "not begun";
  say("clock", busy ? `for ${span(now - run.since)}` : "");
  const left = ended || run.ends_at === null ? "" : `, ${span(run.ends_at - now)} left`;
  const tried = Math.max(run.steps.length - 1, 0), of = run.iterations ? ` of ${run.iterations}` : "";
  say("counts", `${tried}${of} candidates${left}; cost: ${run.cost}`);
}

function show() {
  say("tag", run.tag);
  document.title = `${run.tag}: ${run.stage}`;
  tick();
  say("hypothesis", run.hypothesis ? `Candidate ${run.iteration}: ${run.hypothesis}` : "");
  const tried = Math.max(run.steps.length - 1, 0);
  at("bar").hidden = !run.iterations;
  if (run.iterations) {
    const share = Math.min(100, Math.round(100 * tried / run.iterations));
    at("bar").setAttribute("aria-valuenow", share);
    at("done").style.width = `${share}%`;
  }
  say("best", run.best || "");
  paused = run.wish === "pause";
  say("pause", paused ? "Go on" : "Pause");
  say("hints", run.hints.length ? `For the next prompt: ${run.hints.join(" / ")}` : "");
  at("rows").replaceChildren(...run.rows.map(row => {
    const line = element("tr", "", row.decision);
    line.append(element("td", row.iteration), element("td", row.outcome),
      element("td", number(row.val_auc), "number"), element("td", number(row.delta, true), "number"),
      element("td", row.hypothesis), element("td", row.why));
    return line;
  }));
  const text = run.diff.join("\n");
  if (text !== told) {
    at("diff").replaceChildren(...run.diff.map(line => {
      const head = /^(\+\+\+|---)/.test(line);
      return element(head ? "span" : line[0] === "+" ? "ins" : line[0] === "-" ? "del" : "span", line + "\n");
    }));
    if (!text) at("diff").textContent = "no difference";
    told = text;
  }
  draw(run.steps);
}

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 70, RIGHT = 625, TOP = 15, BOTTOM = 325;

function shape(name, kind, places, text) {
  const made = document.createElementNS(SVG, name);
  if (kind) made.setAttribute("class", kind);
  for (const [key, value] of Object.entries(places)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function draw(steps) {
  const scores = steps.map(step => step[1]).filter(score => score !== null);
  if (!scores.length) return;
  const first = steps[0][1], top = Math.max(...scores);
  // Bad candidates can be far below: the picture is of what happens near the best.
  const low = Math.max(Math.min(...scores), first - 2 * Math.max(top - first, 0.01));
  const room = Math.max(top - low, 0.002) * 0.08, lo = low - room, hi = top + room;
  const x = n => LEFT + 10 + (RIGHT - LEFT - 20) * n / Math.max(steps.length - 1, 1);
  const y = score => BOTTOM - (BOTTOM - TOP) * (Math.max(score, lo) - lo) / (hi - lo);
  const parts = [];
  for (let k = 0; k <= 4; k++) {
    const score = lo + (hi - lo) * k / 4;
    parts.push(shape("line", "axis", { x1: LEFT, x2: RIGHT, y1: y(score), y2: y(score), "stroke-opacity": k ? 0.3 : 1 }));
    parts.push(shape("text", "", { x: LEFT - 8, y: y(score) + 5, "text-anchor": "end" }, score.toFixed(3)));
  }
  parts.push(shape("text", "", { x: LEFT, y: 352 }, "0"));
  parts.push(shape("text", "", { x: RIGHT, y: 352, "text-anchor": "end" }, `iteration ${steps.length - 1}`));
  let best = null, path = "", kept = -1;
  steps.forEach(([outcome, score], n) => {
    const good = outcome === "kept" || outcome === "baseline";
    if (good) {
      path += best === null ? `M${x(n)} ${y(score)}` : `H${x(n)}V${y(score)}`;
      best = score;
      kept++;
    }
    if (score === null) {
      const a = x(n), b = BOTTOM - 6;
      parts.push(shape("path", "failed", { d: `M${a - 4} ${b - 4}l8 8m0 -8l-8 8` }));
    } else {
      if (score < lo) parts.push(shape("path", "discarded", { d: `M${x(n) - 4} ${y(score) - 9}h8l-4 7z` }));
      else parts.push(shape("circle", good ? "kept" : "discarded", { cx: x(n), cy: y(score), r: good ? 5 : 3.5 }));
    }
  });
  parts.push(shape("path", "line", { d: `${path}H${RIGHT}` }));
  const words = `Staircase: ${steps.length - 1} candidates, ${kept} kept, from ${number(first)} to ${number(best)}`;
  const title = shape("title", "", { id: "words" }, words);
  at("picture").replaceChildren(title, ...parts);
}

async function poll() {
  const mine = ++asked;
  try {
    const reply = await ask();
    if (mine !== asked) return;
    run = reply;
    ahead = run.now - Date.now() / 1000;
    show();
  } catch (error) {
    run = null;
    say("stage", `Not connected: ${error.message}`);
    say("clock", "");
  }
}

async function steer(body) {
  try {
    say("said", (await ask(body)).said);
    await poll();
    return true;
  } catch (error) {
    say("said", `Not done: ${error.message}`);
    return false;
  }
}

at("hint").addEventListener("submit", async event => {
  event.preventDefault();
  if (await steer(["hint", at("text").value])) at("text").value = "";
});
at("pause").addEventListener("click", () => steer(["pause", paused]));
at("stop").addEventListener("click", () => confirm("End this run before its next candidate?") && steer(["stop"]));
setInterval(poll, POLL_MS);
setInterval(tick, 1000);
poll();
