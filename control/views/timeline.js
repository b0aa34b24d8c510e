// Draws the pictures of a page on two canvases, and lets people look around in them.
// Times are seconds, places are CSS pixels. What is shown is `view`; everything is drawn anew from it.
"use strict";

const data = JSON.parse(document.getElementById("pictures").textContent);
const rows = document.getElementById("rows");
const axis = document.getElementById("axis");
const tip = document.getElementById("tip");
const help = document.getElementById("help");

const INK = "#1d2733", FAINT = "#667281", HAIRLINE = "#dfe4ea", BAND = "#f7f9fb";
const MARK = "#b3261e", FOLD = "#6b4fa0", STRETCH = "#b8c1cc", ACCENT = "#1f4e79";
const FONT = 'Inter, "Source Sans 3", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif';
const MARGIN = 24, PAD = 4, STRETCH_LANE = 19, FOLD_LANE = 22, GROUP_GAP = 21, PANEL_GAP = 20;
const OVERVIEW = 12, AXIS = 46;
const SHORTEST = 2e-9; // seconds across the window: two ticks of a fast core
const NEAR = 3; // pixels by which a pointer may miss

const length = data.length || 1e-9;
const view = { start: 0, stop: length };
const pointer = { x: null, y: null, drag: null };
let left = 150, width = 1000, strips = [];

// ---------------------------------------------------------------------------------------------------- times

const place = (time) => left + (time - view.start) / (view.stop - view.start) * (width - MARGIN - left);
const timeAt = (x) => view.start + (x - left) / (width - MARGIN - left) * (view.stop - view.start);

/** The unit in which a time is told, with its size in seconds. */
function unitOf(time) {
  const size = Math.abs(time) * (1 + 1e-12);
  return size >= 1 ? ["s", 1] : size >= 1e-3 ? ["ms", 1e-3] : size >= 1e-6 ? ["µs", 1e-6] : ["ns", 1e-9];
}

/** A time with the digits that it has, or with fewer. */
function told(time, digits = 12) {
  const [unit, factor] = time ? unitOf(time) : ["s", 1];
  return `${parseFloat((time / factor).toPrecision(digits))} ${unit}`;
}

/** The smallest of 1, 2, 5 times a power of ten that is no smaller. */
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= least * (1 - 1e-9));
}

/** The first place in ascending numbers whose number is beyond a limit. */
function firstBeyond(numbers, limit) {
  let low = 0, high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Show another stretch of time, within the program. */
function show(start, stop) {
  const span = Math.min(length * 1.02, Math.max(SHORTEST, stop - start));
  const middle = (start + stop) / 2;
  const first = Math.min(Math.max(middle - span / 2, -0.01 * length), 1.01 * length - span);
  view.start = first;
  view.stop = first + span;
  draw();
}

const zoom = (factor, about) => show(about - (about - view.start) * factor, about + (view.stop - about) * factor);
const travel = (seconds) => show(view.start + seconds, view.stop + seconds);
const whole = () => show(-0.01 * length, 1.01 * length);

/** Show a thing with some room around it. */
function zoomTo(start, stop) {
  const room = Math.max(0.15 * (stop - start), 4 * SHORTEST);
  show(start - room, stop + room);
}

// --------------------------------------------------------------------------------------------------- layout

/** Work out where every row lies; return how high the canvas has to be. */
function arrange() {
  const brush = rows.getContext("2d");
  brush.font = `12px ${FONT}`;
  const names = data.panels.flatMap((panel) => panel.rows.map((row) => brush.measureText(row.name).width));
  left = MARGIN + 66 + Math.max(0, ...names);
  strips = [];
  let y = 4;
  for (const panel of data.panels) {
    panel.top = y;
    y += data.panels.length > 1 ? 30 : 0;
    panel.stretchTop = y;
    y += STRETCH_LANE * lanes(panel.stretches, 3);
    panel.foldTop = y;
    y += FOLD_LANE * lanes(panel.folds, 4);
    panel.markTop = y;
    y += panel.marks.length ? 14 : 0;
    let group = null;
    for (const row of panel.rows) {
      y += row.group === group ? 0 : GROUP_GAP;
      const height = data.heights[row.group];
      strips.push({ panel, row, top: y, height, colour: data.colours[row.group], heading: row.group !== group });
      group = row.group;
      y += height;
    }
    panel.bottom = y + 6;
    y = panel.bottom + PANEL_GAP;
  }
  return y;
}

const lanes = (spans, depth) => spans.reduce((most, span) => Math.max(most, span[depth] + 1), 0);

/** Fit a canvas to its room, sharp on this screen or paper, and return its brush. */
function prepare(canvas, height, sharpness) {
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * sharpness);
  canvas.height = Math.round(height * sharpness);
  const brush = canvas.getContext("2d");
  brush.setTransform(sharpness, 0, 0, sharpness, 0, 0);
  brush.clearRect(0, 0, width, height);
  return brush;
}

function draw(sharpness = window.devicePixelRatio || 1) {
  width = document.documentElement.clientWidth || 1000;
  const height = arrange();
  drawAxis(prepare(axis, OVERVIEW + AXIS, sharpness));
  drawRows(prepare(rows, height, sharpness), height);
  document.getElementById("window").textContent =
    `${told(Math.max(0, view.start), 6)} + ${told(view.stop - view.start, 4)}`;
  ask();
}

// -------------------------------------------------------------------------------------------------- drawing

function line(brush, x1, y1, x2, y2, colour, thickness = 1, dashes = []) {
  brush.strokeStyle = colour;
  brush.lineWidth = thickness;
  brush.setLineDash(dashes);
  brush.beginPath();
  brush.moveTo(x1, y1);
  brush.lineTo(x2, y2);
  brush.stroke();
  brush.setLineDash([]);
}

function write(brush, text, x, y, colour, size, anchor = "left", weight = "") {
  brush.font = `${weight} ${size}px ${FONT}`.trim();
  brush.fillStyle = colour;
  brush.textAlign = anchor;
  brush.fillText(text, x, y);
}

/** Write the first of some texts that fits between two places, in the middle of what of it is seen. */
function caption(brush, texts, x1, x2, y, colour, size = 10.5) {
  const from = Math.max(x1, left), to = Math.min(x2, width - MARGIN);
  brush.font = `${size}px ${FONT}`;
  const text = to - from < 8 ? "" : texts.find((text) => brush.measureText(text).width <= to - from - 6);
  if (text) write(brush, text, (from + to) / 2, y, colour, size, "center");
}

/** The labelled times of the axis. */
function ticks(brush) {
  const [unit, factor] = unitOf(Math.max(Math.abs(view.start), view.stop));
  const perPixel = (view.stop - view.start) / (width - MARGIN - left);
  brush.font = `11px ${FONT}`;
  let step = niceStep(60 * perPixel), label;
  for (;;) { // labels get longer where the window is short and late
    const digits = Math.max(0, -Math.floor(Math.log10(step / factor) + 1e-9));
    label = (number) => `${(number * step / factor).toFixed(digits)} ${unit}`;
    if (brush.measureText(label(Math.ceil(view.stop / step))).width + 18 < step / perPixel) break;
    step = niceStep(step * 1.5);
  }
  const found = [];
  for (let n = Math.ceil(view.start / step - 1e-9); n * step <= view.stop; n++) {
    found.push({ x: place(n * step), text: label(n) });
  }
  return found;
}

function drawAxis(brush) {
  const right = width - MARGIN, scale = (right - left) / length;
  brush.fillStyle = BAND;
  brush.fillRect(left, 2, right - left, OVERVIEW - 4);
  for (const panel of data.panels) {
    for (const [, , start, stop] of panel.folds) {
      brush.fillStyle = `${FOLD}55`;
      brush.fillRect(left + start * scale, 5, Math.max(1, (stop - start) * scale), OVERVIEW - 10);
    }
  }
  const from = Math.max(left, left + view.start * scale), to = Math.min(right, left + view.stop * scale);
  brush.fillStyle = `${ACCENT}40`;
  brush.fillRect(from, 1, Math.max(3, to - from), OVERVIEW - 2);
  const y = OVERVIEW + AXIS - 8;
  line(brush, left, y, right, y, FAINT);
  for (const { x, text } of ticks(brush)) {
    line(brush, x, y - 5, x, y, FAINT);
    write(brush, text, x, y - 10, FAINT, 11, "center");
  }
}

function drawRows(brush, height) {
  brush.lineJoin = "round";
  for (const strip of strips) {
    brush.fillStyle = BAND;
    brush.fillRect(left, strip.top + 0.5, width - MARGIN - left, strip.height - 1);
  }
  for (const { x } of ticks(brush)) line(brush, x, 0, x, height - PANEL_GAP, HAIRLINE);
  names(brush);
  brush.save();
  brush.beginPath();
  brush.rect(left - 0.5, 0, width - MARGIN - left + 1, height);
  brush.clip();
  for (const panel of data.panels) drawLanes(brush, panel);
  for (const strip of strips) drawStrip(brush, strip);
  for (const panel of data.panels) drawMarks(brush, panel);
  drawChoice(brush, height);
  brush.restore();
  for (const strip of strips) if (strip.scale) drawScale(brush, strip);
}

function names(brush) {
  for (const panel of data.panels) {
    if (data.panels.length > 1) {
      write(brush, panel.title, MARGIN, panel.top + 16, INK, 14, "left", "650");
      const after = MARGIN + brush.measureText(panel.title).width + 10;
      write(brush, panel.subtitle, after, panel.top + 16, FAINT, 11);
    }
  }
  for (const strip of strips) {
    if (strip.heading) {
      write(brush, strip.row.group.toUpperCase(), MARGIN, strip.top - 6, strip.colour, 9, "left", "650");
    }
    write(brush, strip.row.name, left - 56, strip.top + strip.height / 2 + 4, INK, 12, "right");
  }
}

function drawLanes(brush, panel) {
  for (const [name, start, stop, depth] of panel.stretches) {
    const x = place(start), end = place(stop), y = panel.stretchTop + depth * STRETCH_LANE;
    if (end < left || x > width) continue;
    brush.strokeStyle = STRETCH;
    brush.lineWidth = 1;
    brush.strokeRect(x, y + 0.5, Math.max(1, end - x), STRETCH_LANE - 5);
    caption(brush, [name], x, end, y + 11, INK);
  }
  for (const [text, brief, start, stop, depth, change] of panel.folds) {
    const colour = change ? data.colours[change] : FOLD;
    const x = place(start), end = place(stop), y = panel.foldTop + depth * FOLD_LANE + 4;
    if (end < left || x > width) continue;
    line(brush, x, y, end, y, colour, 1.3);
    for (const edge of [x, end]) {
      line(brush, edge, y, edge, y + 15, colour, 1.3);
      line(brush, edge, y + 15, edge, panel.bottom, FOLD, 0.7, [3, 3]);
    }
    caption(brush, [text, brief], x, end, y + 12, colour);
  }
}

function drawMarks(brush, panel) {
  let free = -Infinity;
  for (const [name, time] of panel.marks) {
    const x = place(time);
    if (x < left || x > width) continue;
    line(brush, x, panel.markTop + 2, x, panel.bottom, MARK, 1, [3, 3]);
    if (x > free) {
      write(brush, name, x + 4, panel.markTop + 10, MARK, 10.5);
      free = x + brush.measureText(name).width + 10;
    }
  }
}

function drawStrip(brush, strip) {
  const { panel, row } = strip;
  for (const [channel, start, stop, change] of panel.tints) {
    if (channel !== row.name) continue;
    const x = place(start), missing = Math.max(0, 5 - (place(stop) - x));
    brush.fillStyle = `${data.colours[change]}2e`;
    brush.strokeStyle = data.colours[change];
    brush.lineWidth = 1;
    brush.fillRect(x - missing / 2, strip.top + 1, place(stop) - x + missing, strip.height - 2);
    brush.strokeRect(x - missing / 2, strip.top + 1, place(stop) - x + missing, strip.height - 2);
  }
  if (row.volts) drawVoltages(brush, strip);
  else drawSpans(brush, strip);
}

const level = (strip, share) => strip.top + strip.height - PAD - share * (strip.height - 2 * PAD);

/** Bars of lines and tones, and gates. Those narrower than a pixel are drawn once. */
function drawSpans(brush, strip) {
  const { row, colour } = strip, bottom = level(strip, 0);
  const end = firstBeyond(row.start, view.stop);
  let drawn = -Infinity;
  for (let i = firstBeyond(row.stop, view.start - 1e-15); i < end; i++) {
    const x = Math.max(place(row.start[i]), left - 5), stop = Math.min(place(row.stop[i]), width + 5);
    if (stop < drawn + 0.5) continue;
    drawn = Math.max(x + 1, stop);
    const top = row.amplitude ? Math.min(level(strip, row.amplitude[i]), bottom - 2) : level(strip, 1);
    brush.fillStyle = colour + (row.amplitude ? "33" : row.group === "lines" ? "bb" : "24");
    brush.strokeStyle = colour;
    brush.lineWidth = 1.2;
    if (row.shapes && row.shapes[i] && stop - x > 2) drawShape(brush, strip, row.shapes[i], row.stop[i]);
    else {
      brush.fillRect(x, top, drawn - x, bottom - top);
      if (stop - x > 2) brush.strokeRect(x, top, stop - x, bottom - top);
      else line(brush, x, top, drawn, top, colour, 1.2);
    }
    if (stop - x > 14) label(brush, strip, i, x, stop, top);
  }
}

/** A tone's words stand over its bar if there is room, else within. */
function label(brush, strip, i, x, stop, top) {
  const { row } = strip, word = row.words[row.word[i]][0];
  const above = row.amplitude && top - 12 > strip.top;
  const y = above ? top - 3 : (top + level(strip, 0)) / 2 + 4;
  const brief = row.amplitude ? word.split(" · ")[0] : (word.match(/\[(\d+)\]/) || ["", ""])[1];
  caption(brush, [word, brief], x, stop, y, INK);
}

/** The steps of a curve as a path: each value holds until the next time. */
function steps(brush, times, values, from, to, last, height) {
  let x = place(Math.max(times[from], view.start)), y = height(values[from]);
  brush.moveTo(x, y);
  for (let i = from; i < to; i++) {
    const next = i + 1 < to ? place(times[i + 1]) : last;
    if (next - x < 0.25 && i + 1 < to && i > from) { // many in one pixel: their extremes are what is seen
      let low = values[i], high = values[i];
      while (i + 1 < to && place(times[i + 1]) - x < 0.5) {
        i += 1;
        low = Math.min(low, values[i]);
        high = Math.max(high, values[i]);
      }
      brush.lineTo(x, height(low));
      brush.lineTo(x, height(high));
    }
    brush.lineTo(x, height(values[i]));
    x = i + 1 < to ? place(times[i + 1]) : last;
    brush.lineTo(x, height(values[i]));
  }
}

function drawShape(brush, strip, [times, values], stop) {
  const bottom = level(strip, 0);
  brush.beginPath();
  brush.moveTo(place(times[0]), bottom);
  steps(brush, times, values, 0, times.length, place(stop), (value) => level(strip, value));
  brush.lineTo(place(stop), bottom);
  brush.fill();
  brush.stroke();
}

function drawVoltages(brush, strip) {
  const { row } = strip;
  const from = Math.max(0, firstBeyond(row.time, view.start) - 1), to = firstBeyond(row.time, view.stop);
  strip.scale = null;
  if (to <= from) return;
  let low = Infinity, high = -Infinity;
  for (let i = from; i < to; i++) {
    low = Math.min(low, row.volts[i]);
    high = Math.max(high, row.volts[i]);
  }
  strip.scale = { low, high };
  const share = (volts) => (high > low ? (volts - low) / (high - low) : 0.5);
  brush.strokeStyle = strip.colour;
  brush.lineWidth = 1.5;
  brush.beginPath();
  const end = Math.min(width, place(strip.panel.duration));
  steps(brush, row.time, row.volts, from, to, end, (volts) => level(strip, share(volts)));
  brush.stroke();
}

const voltage = (volts, digits = 9) => `${parseFloat(volts.toPrecision(digits))} V`;

function drawScale(brush, strip) {
  const { low, high } = strip.scale;
  for (const [share, volts] of high > low ? [[1, high], [0, low]] : [[0.5, low]]) {
    const y = level(strip, share);
    line(brush, left - 5, y, left, y, FAINT);
    write(brush, voltage(volts, 5), left - 8, y + (share === 1 ? 7 : share ? 3 : 0), FAINT, 9, "right");
  }
}

/** The stretch that is being chosen, and how long it is. */
function drawChoice(brush, height) {
  if (!pointer.drag || !pointer.drag.choosing) return;
  const [x1, x2] = [pointer.drag.x, pointer.x].sort((a, b) => a - b);
  brush.fillStyle = `${ACCENT}1f`;
  brush.fillRect(x1, 0, x2 - x1, height);
  caption(brush, [told(timeAt(x2) - timeAt(x1), 5)], x1 - 60, x2 + 60, 14, ACCENT, 12);
}

// ------------------------------------------------------------------------------------------------ questions

/** What is under the pointer: a title, details, a place, and the stretch of time that it takes. */
function under(x, y) {
  if (x === null || x < left) return null;
  const time = timeAt(x), slack = NEAR * (view.stop - view.start) / (width - MARGIN - left);
  const strip = strips.find((each) => y >= each.top && y < each.top + each.height);
  if (strip) return underStrip(strip, time, slack);
  for (const panel of data.panels) {
    const mark = panel.marks.find(([, at]) => Math.abs(at - time) < slack);
    if (mark && y >= panel.markTop && y < panel.markTop + 16) {
      return { title: mark[0], detail: `at ${told(mark[1])}`, start: mark[1], stop: mark[1] };
    }
    const lane = (spans, top, size, depth) => spans.find((span) => {
      const [start, stop] = span.slice(depth - 2, depth);
      return Math.floor((y - top) / size) === span[depth] && start - slack <= time && time <= stop + slack;
    });
    const fold = lane(panel.folds, panel.foldTop, FOLD_LANE, 4);
    if (fold) return spanning(fold[0], fold[6] || "one pass", fold[2], fold[3]);
    const stretch = lane(panel.stretches, panel.stretchTop, STRETCH_LANE, 3);
    if (stretch) return spanning(stretch[0], "", stretch[1], stretch[2]);
  }
  return null;
}

function spanning(title, detail, start, stop) {
  const times = `${told(start)} to ${told(stop)}, ${told(parseFloat((stop - start).toFixed(12)))}`;
  return { title, detail: [detail, times].filter(Boolean).join("\n"), start, stop };
}

function underStrip({ panel, row }, time, slack) {
  let i = firstBeyond(row.start, time + slack) - 1;
  const inside = i >= 0 && time <= row.stop[i] + slack;
  const differs = panel.tints.filter((tint) =>
    tint[0] === row.name && tint[1] - slack <= time && time <= tint[2] + slack);
  const words = [];
  if (row.volts) {
    const sample = firstBeyond(row.time, time) - 1;
    words.push(sample < 0 ? "not set yet" : `${voltage(row.volts[sample])} since ${told(row.time[sample])}`);
    if (inside) words.push(row.words[row.word[i]][1]);
  } else if (inside) words.push(row.words[row.word[i]][1]);
  if (inside && row.changing && row.changing.includes(i)) words.push("changes from shot to shot");
  words.push(...differs.map((tint) => tint[4]));
  if (!words.length) return null;
  const source = i >= 0 && (inside || row.volts) ? panel.sources[row.source[i]] : "";
  if (!inside) return { title: row.name, detail: words.join("\n"), place: source };
  return { ...spanning(row.name, words.join("\n"), row.start[i], row.stop[i]), place: source };
}

/** Tell what is under the pointer. */
function ask() {
  const found = pointer.drag ? null : under(pointer.x, pointer.y);
  tip.hidden = !found;
  if (!found) return;
  tip.replaceChildren(
    Object.assign(document.createElement("b"), { textContent: found.title }),
    Object.assign(document.createElement("div"), { className: "detail", textContent: found.detail }),
    Object.assign(document.createElement("div"), { className: "place", textContent: found.place || "" }),
  );
  const box = rows.getBoundingClientRect();
  const x = box.left + pointer.x + 14, y = box.top + pointer.y + 18;
  tip.style.left = `${Math.min(x, window.innerWidth - tip.offsetWidth - 8)}px`;
  tip.style.top = `${Math.min(y, window.innerHeight - tip.offsetHeight - 8)}px`;
}

/** Show the next or the previous span of the channel under the pointer, else of the first one. */
function step(direction) {
  const strip = strips.find((each) => pointer.y >= each.top && pointer.y < each.top + each.height) || strips[0];
  if (!strip) return;
  const { start, stop } = strip.row, middle = (view.start + view.stop) / 2;
  const centres = start.map((from, i) => (from + stop[i]) / 2);
  const near = 1e-9 * (view.stop - view.start);
  const next = firstBeyond(centres, middle + near), before = firstBeyond(centres, middle - near) - 1;
  const target = centres[direction > 0 ? next : before];
  if (target !== undefined) travel(target - middle);
}

// ----------------------------------------------------------------------------------------------------- hands

function at(event, canvas = rows) {
  const box = canvas.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

rows.addEventListener("wheel", (event) => {
  const { x } = at(event);
  if (x < left) return; // over the names the page scrolls
  event.preventDefault();
  const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
  const turned = (event.deltaMode === 1 ? 16 : 1) * (sideways ? event.deltaX : event.deltaY);
  if (event.shiftKey || sideways) travel(turned * (view.stop - view.start) / (width - left));
  else zoom(Math.exp(turned * 0.0022), timeAt(x));
}, { passive: false });

rows.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  rows.setPointerCapture(event.pointerId);
  rows.focus({ preventScroll: true });
  pointer.drag = { ...at(event), start: view.start, stop: view.stop, choosing: event.shiftKey };
  rows.className = event.shiftKey ? "choosing" : "moving";
});

rows.addEventListener("pointermove", (event) => {
  Object.assign(pointer, at(event));
  const { drag } = pointer;
  if (!drag) return ask();
  if (drag.choosing) return draw();
  const moved = (drag.x - pointer.x) * (drag.stop - drag.start) / (width - MARGIN - left);
  show(drag.start + moved, drag.stop + moved);
});

rows.addEventListener("pointerup", () => {
  const { drag } = pointer;
  pointer.drag = null;
  rows.className = "";
  if (drag && drag.choosing && Math.abs(drag.x - pointer.x) > NEAR) {
    const [start, stop] = [timeAt(drag.x), timeAt(pointer.x)].sort((a, b) => a - b);
    show(start, stop);
  } else draw();
});

rows.addEventListener("pointerleave", () => {
  pointer.x = pointer.y = null;
  ask();
});

rows.addEventListener("dblclick", (event) => {
  const { x, y } = at(event), found = under(x, y);
  if (found && found.start !== undefined) zoomTo(found.start, found.stop);
  else zoom(0.25, timeAt(x));
});

let travelling = false;
function overview(event) {
  const { x, y } = at(event, axis);
  if (event.type === "pointerdown") {
    travelling = y <= OVERVIEW + 6;
    axis.setPointerCapture(event.pointerId);
  }
  if (travelling) travel((x - left) / (width - MARGIN - left) * length - (view.start + view.stop) / 2);
}
axis.addEventListener("pointerdown", overview);
axis.addEventListener("pointermove", (event) => { if (travelling) overview(event); });
axis.addEventListener("pointerup", () => { travelling = false; });

const KEYS = {
  ArrowLeft: () => travel(-(view.stop - view.start) / 4),
  ArrowRight: () => travel((view.stop - view.start) / 4),
  "+": () => zoom(0.6, focus()),
  "=": () => zoom(0.6, focus()),
  "-": () => zoom(1 / 0.6, focus()),
  0: whole,
  Home: whole,
  n: () => step(1),
  p: () => step(-1),
  "?": () => help.showModal(),
};

/** The time about which keys zoom: the pointer's, or the middle. */
const focus = () => (pointer.x !== null && pointer.x > left ? timeAt(pointer.x) : (view.start + view.stop) / 2);

window.addEventListener("keydown", (event) => {
  if (help.open || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});

document.getElementById("whole").addEventListener("click", whole);
document.getElementById("asks").addEventListener("click", KEYS["?"]);
window.addEventListener("resize", () => draw());
window.addEventListener("beforeprint", () => draw(4)); // 4 dots a pixel: 300 dots an inch on paper
window.addEventListener("afterprint", () => draw());

if (data.window) show(...data.window);
else whole();
