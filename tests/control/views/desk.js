// A desk without a screen: runs the script of a page, acts on it, and prints after each action, as JSON, what
// texts are drawn, which window is shown and what the tip says.
//   node desk.js PAGE.html ["wheel X Y TURN" | "over ROW SHARE" | "drag ROW FROM TO" | "choose ROW FROM TO" | "twice ROW SHARE" | "key KEY"]...
"use strict";
const fs = require("fs"), vm = require("vm");

const [, , page, ...actions] = process.argv;
const text = fs.readFileSync(page, "utf8");
const pictures = text.match(/<script type="application\/json" id="pictures">([\s\S]*?)<\/script>/)[1];
const script = text.match(/<script>\n([\s\S]*?)<\/script>/)[1];
const WIDTH = 1200, HEIGHT = 800;

let texts = [];
const brush = new Proxy({}, {
  get: (known, name) => {
    if (name === "measureText") return (words) => ({ width: words.length * 6 });
    if (name === "fillText") return (words, x, y) => texts.push([words, x, y]);
    return name in known ? known[name] : () => {};
  },
});

const elements = {}, heard = {};
function element(id) {
  return elements[id] ??= {
    style: {}, textContent: id === "pictures" ? pictures : "", offsetWidth: 200, offsetHeight: 80, heard: {},
    getContext: () => brush,
    getBoundingClientRect: () => ({ left: 0, top: 0 }),
    addEventListener(name, act) { this.heard[name] = act; },
    replaceChildren(...children) { this.children = children; },
    setPointerCapture() {}, focus() {}, showModal() { this.open = true; },
  };
}

const context = vm.createContext({
  window: { devicePixelRatio: 1, innerWidth: WIDTH, innerHeight: HEIGHT, addEventListener: (n, act) => { heard[n] = act; } },
  document: { getElementById: element, createElement: () => ({}), documentElement: { clientWidth: WIDTH } },
});
vm.runInContext(script, context);

const seen = (expression) => vm.runInContext(expression, context);
const nameOf = (row) => `strips.find((strip) => strip.row.name === ${JSON.stringify(row)})`;
const placeOf = (row, share) => ({
  clientX: seen(`left + ${share} * (width - MARGIN - left)`),
  clientY: seen(`${nameOf(row)}.top + ${nameOf(row)}.height / 2`),
});
const event = (more) => ({ button: 0, pointerId: 1, deltaX: 0, deltaMode: 0, preventDefault() {}, ...more });

function act(action) {
  const [verb, first, ...rest] = action.split(" "), on = element("rows").heard;
  if (verb === "key") heard.keydown(event({ key: first }));
  if (verb === "wheel") on.wheel(event({ clientX: +first, clientY: +rest[0], deltaY: +rest[1] }));
  if (verb === "over") on.pointermove(event(placeOf(first, rest[0])));
  if (verb === "twice") on.dblclick(event(placeOf(first, rest[0])));
  if (verb === "drag" || verb === "choose") {
    const shiftKey = verb === "choose";
    on.pointerdown(event({ ...placeOf(first, rest[0]), shiftKey }));
    on.pointermove(event({ ...placeOf(first, rest[1]), shiftKey }));
    on.pointerup(event({}));
  }
}

function tell() {
  const tip = element("tip");
  const answer = tip.hidden ? null : (tip.children || []).map((child) => child.textContent);
  console.log(JSON.stringify({ texts: texts.map(([words]) => words), window: element("window").textContent, tip: answer }));
}

tell();
for (const action of actions) {
  texts = [];
  act(action);
  tell();
}
