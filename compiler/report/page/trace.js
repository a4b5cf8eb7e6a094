/*
 * A trace, one step at a time: the graph with what is known so far, the step's numbers, and
 * the window of a layer that slides over an image.
 */
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const stepOf = (name) => data.steps.findIndex((s) => s.name === name);
const isForward = (call) => call.pass === "forward" || call.pass === "loss";
const firstBackward = data.calls.findIndex((c) => !isForward(c));
const BOX_INSET = 50; /* boxes are narrower than the labels below them may be */
let at = 0; /* calls that have been made */
let shown = 0; /* the step whose window is shown */
let playing = 0;

function make(tag, attributes, ...children) {
    const drawn = ["svg", "g", "rect", "path", "text", "title"].includes(tag);
    const e = drawn ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) e.setAttribute(key, value);
    e.append(...children);
    return e;
}

/* ---- numbers ---------------------------------------------------------------------- */

/* As the text form writes them. */
function number(x) {
    if (x === null) return "NaN";
    const size = Math.abs(x);
    let places = data.digits,
        text;
    if (Number.isInteger(x) && size < 1e7) text = String(x);
    else if (size >= 1e7 || size < 1e-6) text = x.toPrecision(3);
    else {
        while (size < 10 ** (1 - places)) places++;
        text = x.toFixed(places);
    }
    return text.replace("-", "−");
}

const flat = (array) => (Array.isArray(array) ? array.flat(Infinity) : [array]);

function extent(numbers) {
    let least = Infinity,
        most = -Infinity;
    for (const x of numbers) if (x !== null) ((least = Math.min(least, x)), (most = Math.max(most, x)));
    return [least, most];
}

function brief(array, most) {
    const numbers = flat(array);
    if (numbers.length <= most) return numbers.map(number).join(", ");
    const [low, high] = extent(numbers);
    return low === high ? `all ${number(low)}` : `${number(low)} … ${number(high)}`;
}

/* ---- what is known ------------------------------------------------------------------- */

function madeBy(i) {
    const name = data.steps[i].name;
    return data.calls.findIndex((c) => isForward(c) && c.name === name);
}

/* The last call that adds to it; what no call makes is given with the backward pass. */
function gradientMadeBy(i) {
    const name = data.steps[i].name;
    const call = data.calls.findIndex((c) => c.gradient_of === name);
    return call >= 0 ? call : firstBackward - 1;
}

const hasValue = (i) => madeBy(i) < at;
const hasGradient = (i) => data.steps[i].gradient !== null && gradientMadeBy(i) < at;

/* ---- the graph ------------------------------------------------------------------------- */

function drawBox(b, i) {
    const s = data.steps[i],
        middle = b.x + b.w / 2,
        call = data.calls[at - 1],
        now = call && s.name === (stepOf(call.gradient_of) >= 0 ? call.gradient_of : call.name);
    const g = make(
        "g",
        {class: "box" + (now ? " now" : "") + (s.op === "input" ? " end" : "")},
        make("title", {}, s.formula || s.op),
        make("rect", {x: b.x + BOX_INSET, y: b.y, width: b.w - 2 * BOX_INSET, height: b.h, rx: 6}),
        make("text", {x: middle, y: b.y + 17, "text-anchor": "middle", class: "name"}, s.name),
        make("text", {x: middle, y: b.y + 32, "text-anchor": "middle", class: "soft"}, s.op),
    );
    if (hasValue(i))
        g.append(make("text", {x: middle - 8, y: b.y + b.h + 20, "text-anchor": "end", class: "value"}, brief(s.value, 2)));
    if (hasGradient(i))
        g.append(make("text", {x: middle + 8, y: b.y + b.h + 20, class: "gradient"}, brief(s.gradient, 2)));
    g.addEventListener("click", () => showWindow(i));
    return g;
}

function curve(points) {
    let text = `M${points[0]},${points[1]}`;
    for (let i = 2; i + 5 < points.length; i += 6) text += "C" + points.slice(i, i + 6).join(",");
    return text;
}

function drawGraph() {
    const d = data.diagram;
    const svg = make("svg", {viewBox: `-2 -2 ${d.w + 4} ${d.h + 4}`, width: d.w + 4, height: d.h + 4, role: "img", "aria-label": "graph of the net"});
    for (const points of d.lines) svg.append(make("path", {class: "edge", d: curve(points)}));
    for (const b of d.boxes)
        svg.append(make("path", {class: "edge", d: `M${b.x + b.w / 2},${b.y + b.h}v${d.room}`}));
    d.boxes.forEach((b, i) => svg.append(drawBox(b, i)));
    byId("drawing").replaceChildren(svg);
    const now = svg.querySelector(".now");
    if (now) {
        const panel = byId("drawing"),
            y = now.getBBox().y;
        panel.scrollTop = y - panel.clientHeight / 2;
    }
}

/* ---- the step ----------------------------------------------------------------------------- */

function titleOf(call) {
    if (call.updates) return `update of ${call.updates}`;
    if (call.gradient_of) return `d(${call.gradient_of})`;
    return call.name;
}

function lines(call) {
    if (call.numbers.length) return call.numbers.join("\n");
    return call.value === undefined ? "" : brief(call.value, 12);
}

/* ---- large arrays --------------------------------------------------------------------------- */

const MOST_WHOLE = 32,
    MOST_TILES = 16,
    TILE = 64, /* pixels of a tile, at least */
    BINS = 16;

/* The shades of −most … most, made once for all pixels. */
function shadesUpTo(most) {
    const levels = 24,
        all = Array.from({length: 2 * levels + 1}, (_, i) => shade(i - levels, levels));
    return (x) => all[Math.round(((x ?? 0) / most) * levels) + levels];
}

function drawTile(rows, shadeOf, channel) {
    const cell = Math.max(1, Math.round(TILE / Math.max(rows.length, rows[0].length))),
        canvas = make("canvas", {role: "img", "aria-label": `channel ${channel + 1}`, width: rows[0].length * cell, height: rows.length * cell}),
        c = canvas.getContext("2d");
    rows.forEach((row, i) =>
        row.forEach((x, j) => {
            c.fillStyle = shadeOf(x);
            c.fillRect(j * cell, i * cell, cell, cell);
        }),
    );
    return canvas;
}

function drawTiles(channels) {
    const shown = channels.slice(0, MOST_TILES),
        shadeOf = shadesUpTo(Math.max(...extent(flat(channels)).map(Math.abs)));
    const rest = channels.length > shown.length ? `the first ${shown.length} of ${channels.length} channels` : "";
    return make(
        "div",
        {},
        make("div", {class: "array-tiles"}, ...shown.map((rows, i) => drawTile(rows, shadeOf, i))),
        make("p", {class: "hint"}, [data.batch > 1 ? "first sample" : "", rest].filter(Boolean).join(", ")),
    );
}

function drawHistogram(values, least, most) {
    const bins = Array(BINS).fill(0),
        width = 12,
        height = 60;
    for (const x of values)
        if (x !== null) bins[Math.min(BINS - 1, Math.floor(((x - least) / (most - least)) * BINS))]++;
    const top = Math.max(...bins);
    const bars = bins.map((n, i) =>
        make("rect", {x: i * width, y: height - (n / top) * height, width: width - 1, height: (n / top) * height},
            make("title", {}, `${n} from ${number(least + ((most - least) * i) / BINS)} to ${number(least + ((most - least) * (i + 1)) / BINS)}`)),
    );
    const label = `histogram of ${values.length} numbers from ${number(least)} to ${number(most)}`;
    return make(
        "figure",
        {class: "histogram"},
        make("svg", {viewBox: `0 0 ${BINS * width} ${height}`, width: BINS * width, height, role: "img", "aria-label": label}, ...bars),
        make("figcaption", {}, make("span", {}, number(least)), make("span", {}, number(most))),
    );
}

/* Of what is too large to be printed; nothing where all numbers are equal. */
function drawArray(value) {
    if (!Array.isArray(value)) return [];
    const values = flat(value);
    if (values.length <= MOST_WHOLE) return [];
    const [least, most] = extent(values);
    if (!(most > least)) return [];
    return [imageOf(value) && value[0][0].length > 1 ? drawTiles(value[0]) : drawHistogram(values, least, most)];
}

function drawNow() {
    const call = data.calls[at - 1];
    byId("now-title").textContent = call ? titleOf(call) : "input";
    byId("where").textContent = `${at} of ${data.calls.length}` + (call ? ` · ${call.pass} · ${call.op}` : "");
    if (!call) {
        const inputs = data.steps.filter((s) => s.op === "input");
        byId("now").replaceChildren(
            ...inputs.flatMap((s) => [make("p", {class: "numbers"}, `${s.name} = ${brief(s.value, 12)}`), ...drawArray(s.value)]),
        );
        return;
    }
    const range = call.numbers.length > 12 ? [make("p", {}, `range ${brief(call.value, 0)}`)] : [];
    byId("now").replaceChildren(
        make("p", {class: "formula"}, call.formula),
        make("p", {class: "numbers"}, lines(call)),
        ...range,
        ...drawArray(call.value),
    );
}

/* ---- windows ------------------------------------------------------------------------------- */

/* The first sample's channel 0 of an image, as rows. */
const imageOf = (array) => (Array.isArray(array?.[0]?.[0]?.[0]) ? array[0][0] : null);

function inputOf(step) {
    const from = (step.inputs || []).map(stepOf).find((i) => i >= 0);
    return from === undefined ? null : imageOf(data.steps[from].value);
}

const side = (rows, pad) => Math.max(3, Math.min(34, Math.floor(300 / (Math.max(rows.length, rows[0].length) + 2 * pad))));
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/* Blue below zero, orange above. */
function shade(x, most) {
    const strength = Math.min(1, Math.abs(x ?? 0) / (most || 1));
    return `color-mix(in srgb, ${color(x < 0 ? "--blue" : "--orange")} ${Math.round(55 * strength)}%, ${color("--panel")})`;
}

/* Sets the font in which every number fits into its cell; 0 where that is too small to be read. */
function fontFor(c, rows, cell) {
    const usual = Math.floor(cell * 0.36),
        least = 7;
    c.font = `${usual}px system-ui, sans-serif`;
    const widest = Math.max(...flat(rows).map((x) => c.measureText(number(x)).width)),
        size = Math.min(usual, (usual * (cell - 4)) / widest);
    c.font = `${size}px system-ui, sans-serif`;
    return size < least ? 0 : size;
}

function drawImage(canvas, rows, pad, marked) {
    const cell = side(rows, Math.max(...pad)),
        height = rows.length + 2 * pad[0],
        width = rows[0].length + 2 * pad[1],
        most = Math.max(...extent(flat(rows)).map(Math.abs)),
        c = canvas.getContext("2d");
    canvas.width = width * cell;
    canvas.height = height * cell;
    const size = cell < 24 ? 0 : fontFor(c, rows, cell);
    c.textAlign = "center";
    for (let i = 0; i < height; i++)
        for (let j = 0; j < width; j++) {
            const value = rows[i - pad[0]]?.[j - pad[1]];
            c.fillStyle = value === undefined ? color("--grid") : shade(value, most);
            c.fillRect(j * cell, i * cell, cell - (cell > 8 ? 1 : 0), cell - (cell > 8 ? 1 : 0));
            c.fillStyle = color("--ink");
            if (value !== undefined && size) c.fillText(number(value), (j + 0.5) * cell, (i + 0.65) * cell);
        }
    c.strokeStyle = color("--pick");
    c.lineWidth = 2;
    for (const [i, j] of marked) c.strokeRect((j + pad[1]) * cell + 1, (i + pad[0]) * cell + 1, cell - 2, cell - 2);
    canvas.cell = cell;
    canvas.columns = width;
}

/* Cells around (i, j) times the stride, as the kernel has them. */
function taps(w, i, j) {
    const cells = [];
    for (let u = 0; u < w.k[0]; u++)
        for (let v = 0; v < w.k[1]; v++)
            cells.push([
                i * w.stride[0] - w.pad[0] + u * w.dilation[0],
                j * w.stride[1] - w.pad[1] + v * w.dilation[1],
            ]);
    return cells;
}

/* Of a transposed convolution an input pixel paints a window of the output. */
function readBy(w, input, i, j) {
    if (!w.transposed) return taps(w, i, j);
    const cells = [];
    input.forEach((row, a) =>
        row.forEach((_, b) => {
            if (taps(w, a, b).some(([y, x]) => y === i && x === j)) cells.push([a, b]);
        }),
    );
    return cells;
}

function drawWindow(i, j) {
    const step = data.steps[shown],
        w = step.window,
        input = inputOf(step),
        output = imageOf(step.value),
        pad = w.transposed ? [0, 0] : w.pad.map((p) => Math.max(0, p));
    drawImage(byId("input-image"), input, pad, readBy(w, input, i, j));
    drawImage(byId("output-image"), output, [0, 0], [[i, j]]);
    byId("window-text").textContent =
        `${step.name}: kernel ${w.k.join("×")}, stride ${w.stride.join("×")}, padding ${w.pad.join("×")}, ` +
        `dilation ${w.dilation.join("×")}${w.transposed ? ", transposed" : ""}; first channel. ` +
        `Output (${i}, ${j}) = ${number(output[i][j])}`;
}

function showWindow(i) {
    const step = data.steps[i],
        drawn = Boolean(step?.window && inputOf(step) && imageOf(step.value));
    stop();
    byId("window").hidden = !drawn;
    if (!drawn) return;
    shown = i;
    drawWindow(0, 0);
}

function stop() {
    clearInterval(playing);
    playing = 0;
    byId("play").textContent = "Play";
}

function play() {
    if (playing) return stop();
    const output = imageOf(data.steps[shown].value);
    let k = 0;
    byId("play").textContent = "Stop";
    playing = setInterval(() => {
        drawWindow(Math.floor(k / output[0].length), k % output[0].length);
        k = (k + 1) % (output.length * output[0].length);
    }, 450);
}

function point(event) {
    const canvas = event.target,
        box = canvas.getBoundingClientRect(),
        output = imageOf(data.steps[shown].value);
    const j = Math.floor(((event.clientX - box.left) / box.width) * output[0].length),
        i = Math.floor(((event.clientY - box.top) / box.height) * output.length);
    stop();
    if (output[i]?.[j] !== undefined) drawWindow(i, j);
}

/* ---- going from step to step -------------------------------------------------------------- */

function go(to) {
    at = Math.max(0, Math.min(data.calls.length, to));
    byId("at").value = at;
    byId("back").disabled = byId("first").disabled = at === 0;
    byId("forth").disabled = byId("last").disabled = at === data.calls.length;
    drawNow();
    drawGraph();
    const call = data.calls[at - 1];
    showWindow(call && isForward(call) ? stepOf(call.name) : -1);
}

const keys = {ArrowRight: () => at + 1, ArrowLeft: () => at - 1, Home: () => 0, End: () => data.calls.length};

function press(event) {
    if (!keys[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    go(keys[event.key]());
}

const MOST_PRINTED = 8; /* lines of a call, on paper */

function printedLines(call) {
    if (call.numbers.length <= MOST_PRINTED) return lines(call);
    return [...call.numbers.slice(0, MOST_PRINTED), "…"].join("\n");
}

function listCalls() {
    for (const call of data.calls)
        byId("calls").append(
            make("tr", {}, make("td", {}, call.pass), make("td", {}, titleOf(call)), make("td", {}, call.op), make("td", {}, printedLines(call))),
        );
}

/* The pictures of large arrays are made when they are needed: there may be thousands of tiles. */
function beforePrint() {
    go(data.calls.length);
    byId("calls").querySelectorAll("td:last-child").forEach((cell, i) => {
        if (cell.childElementCount === 0) cell.append(...drawArray(data.calls[i].value));
    });
}

byId("subtitle").textContent =
    `${data.batch} sample${data.batch === 1 ? "" : "s"}` + (data.loss === null ? "" : `, loss ${number(data.loss)}`);
byId("at").max = data.calls.length;
byId("at").addEventListener("input", (e) => go(Number(e.target.value)));
byId("first").addEventListener("click", () => go(0));
byId("back").addEventListener("click", () => go(at - 1));
byId("forth").addEventListener("click", () => go(at + 1));
byId("last").addEventListener("click", () => go(data.calls.length));
byId("play").addEventListener("click", play);
byId("output-image").addEventListener("pointermove", point);
document.addEventListener("keydown", press);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => go(at));
addEventListener("beforeprint", beforePrint);
listCalls();
go(0);
