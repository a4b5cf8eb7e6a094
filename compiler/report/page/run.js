/*
 * A training run, or several beside each other: curves, layers, filters, mistakes, findings.
 */
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const isNumber = (v) => typeof v === "number";

function make(tag, attributes, ...children) {
    const drawn = ["svg", "g", "rect", "path", "text", "line", "circle", "title"].includes(tag);
    const e = drawn ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) e.setAttribute(key, value);
    e.append(...children);
    return e;
}

/* 0.137, 4.91e−5; beside larger numbers, of which `most` is one, 0.0005. */
function number(v, most) {
    if (!isNumber(v)) return "";
    const small = v !== 0 && Math.abs(most || v) < 0.001;
    const rounded = Number(v.toPrecision(3));
    return (small ? rounded.toExponential() : String(rounded)).replaceAll("-", "−");
}
const percent = (v) => (isNumber(v) ? (100 * v).toFixed(2) + " %" : "");

function duration(seconds) {
    if (seconds < 60) return seconds.toFixed(1) + " s";
    const whole = Math.round(seconds),
        two = (v) => String(v).padStart(2, "0");
    return whole < 3600
        ? `${Math.floor(whole / 60)}:${two(whole % 60)}`
        : `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

function bytes(v) {
    const units = ["bytes", "KiB", "MiB", "GiB"];
    let unit = 0;
    for (; v >= 1023.5 && unit < 3; unit++) v /= 1024;
    return Number(v.toPrecision(3)) + " " + units[unit];
}

/* ---- curves ---------------------------------------------------------------------------- */

/* On a phone a drawing is not made smaller, so that its text can be read. */
const NARROW = window.innerWidth < 640,
    WIDTH = NARROW ? 340 : 420,
    HEIGHT = NARROW ? 210 : 250,
    LEFT = 46,
    BOTTOM = 26,
    TOP = 8,
    RIGHT = 10;

/* Round numbers, about `count` of them, that cover the range. */
function ticks(least, most, count) {
    const raw = (most - least) / count || 1,
        power = 10 ** Math.floor(Math.log10(raw)),
        step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= raw),
        list = [];
    for (let v = Math.ceil(least / step - 1e-9) * step; v <= most + step * 1e-9; v += step) list.push(v);
    return list;
}

/* Powers of ten, and between few of them 2 and 5 times these. */
function logTicks(least, most) {
    const list = [];
    for (let p = Math.floor(Math.log10(least)); p <= Math.ceil(Math.log10(most)); p++)
        for (const f of most / least < 100 ? [1, 2, 5] : [1])
            if (f * 10 ** p >= least * 0.999 && f * 10 ** p <= most * 1.001) list.push(f * 10 ** p);
    return list.filter((_, i) => i % Math.ceil(list.length / 7) === 0);
}

function extent(lists) {
    let least = Infinity,
        most = -Infinity;
    for (const list of lists)
        for (const [, y] of list) if (isNumber(y)) ((least = Math.min(least, y)), (most = Math.max(most, y)));
    return [least, most];
}

function scales(chart) {
    const all = chart.series.map((s) => s.points);
    let [least, most] = extent(all);
    if (chart.log && !(least > 0)) chart.log = false;
    if (!chart.log && least > 0 && least < most / 3) least = 0;
    if (least === most) ((least -= Math.abs(least) / 2 || 1), (most += Math.abs(most) / 2 || 1));
    const last = Math.max(1, ...all.flat().map(([x]) => x)),
        value = chart.log ? Math.log : (v) => v;
    const from = value(least),
        to = value(most);
    return {
        least,
        most,
        last,
        x: (v) => LEFT + (v / last) * (WIDTH - LEFT - RIGHT),
        y: (v) => TOP + ((to - value(v)) / (to - from)) * (HEIGHT - TOP - BOTTOM),
    };
}

function drawGrid(svg, s, chart) {
    for (const y of chart.log ? logTicks(s.least, s.most) : ticks(s.least, s.most, 5)) {
        svg.append(make("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: s.y(y), y2: s.y(y) }));
        svg.append(
            make("text", { class: "tick", x: LEFT - 6, y: s.y(y) + 4, "text-anchor": "end" }, chart.text(y, chart.log ? y : s.most)),
        );
    }
    for (const x of ticks(0, s.last, 6).filter(Number.isInteger))
        svg.append(make("text", { class: "tick", x: s.x(x), y: HEIGHT - 8, "text-anchor": "middle" }, String(x)));
}

function drawSeries(svg, s, series, chart) {
    const points = series.points.filter(([, y]) => isNumber(y) && (!chart.log || y > 0));
    const path = points.map(([x, y], i) => `${i ? "L" : "M"}${s.x(x).toFixed(1)} ${s.y(y).toFixed(1)}`).join("");
    const line = make("path", { class: (series.fine ? "steps" : "series") + " " + series.kind, d: path });
    if (series.dash) line.setAttribute("stroke-dasharray", series.dash);
    svg.append(line);
    if (series.fine || points.length > 60) return;
    for (const [x, y] of points)
        svg.append(
            make(
                "circle",
                { class: "point " + series.kind, cx: s.x(x), cy: s.y(y), r: 2.6 },
                make("title", {}, `epoch ${x}: ${series.name} ${chart.text(y)}`),
            ),
        );
}

/* Of several runs the dashes tell which. */
function swatch(series) {
    if (data.runs.length === 1) return make("i", { class: series.kind });
    const line = make("line", { class: "series " + series.kind, x1: 0, x2: 28, y1: 5, y2: 5 });
    if (series.dash) line.setAttribute("stroke-dasharray", series.dash);
    return make("svg", { class: "swatch", viewBox: "0 0 28 10", "aria-hidden": "true" }, line);
}

function drawChart(chart) {
    chart.series = chart.series.filter((series) => series.points.some(([, y]) => isNumber(y)));
    if (!chart.series.length) return null;
    const s = scales(chart),
        svg = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": chart.title + " by epoch" }),
        named = chart.series.filter((series) => !series.fine);
    drawGrid(svg, s, chart);
    for (const series of chart.series) drawSeries(svg, s, series, chart);
    const legend = make("span", { class: "legend" });
    if (named.length > 1 || chart.always)
        for (const series of named) legend.append(make("span", {}, swatch(series), series.name));
    return make("figure", { class: "chart" }, make("figcaption", {}, make("b", {}, chart.title), make("span", { class: "by" }, chart.log ? "by epoch, logarithmic" : "by epoch"), legend), svg);
}

const DASHES = ["", "6 3", "2 3", "8 3 2 3", "1 4"];

/* Of each run; of several the names of the runs stand before those of the parts. */
function seriesOf(key, kind, name) {
    return data.runs.map((run, i) => ({
        kind,
        dash: DASHES[i % DASHES.length],
        name: data.runs.length > 1 ? `${run.name} ${name}` : name,
        points: run.epochs.map((e) => [e.epoch, e[key]]),
    }));
}

function fineLosses() {
    if (data.runs.length > 1) return [];
    const run = data.runs[0],
        points = run.steps.map(([step, loss]) => [step / run.per_epoch, loss]);
    return [{ kind: "train", fine: true, points }];
}

function drawCurves() {
    const part = data.runs[0].part,
        charts = [
            {
                title: "Loss",
                log: true,
                text: number,
                series: [...fineLosses(), ...seriesOf("loss", "train", "train"), ...seriesOf("valid", "valid", part)],
            },
            {
                title: "Accuracy",
                text: (v) => Number((100 * v).toFixed(2)) + " %",
                series: [
                    ...seriesOf("train_accuracy", "train", "train"),
                    ...seriesOf("accuracy", "valid", part),
                ],
            },
            { title: "Learning rate", log: false, text: number, series: seriesOf("lr", "rate", "rate") },
        ].map(drawChart);
    byId("chart-list").append(...charts.filter((c) => c));
}

/* ---- findings ----------------------------------------------------------------------------- */

function drawFinding(f) {
    const box = make("div", { class: "finding" });
    const place = f.line ? `${data.runs[0].source}:${f.line}: ` : "";
    box.append(make("p", {}, make("b", {}, place), f.text, " ", make("code", {}, `[${f.kind}]`)));
    if (f.excerpt) {
        const marks = " ".repeat(f.column - 1) + "^" + "~".repeat(Math.max(0, f.length - 1));
        box.append(make("pre", {}, f.excerpt + "\n", make("span", { class: "caret" }, marks)));
    }
    box.append(make("p", {}, f.advice));
    return box;
}

function drawFindings() {
    const list = data.runs[0].findings;
    if (data.runs.length > 1 || !list) return byId("findings").remove();
    byId("finding-list").append(
        ...(list.length ? list.map(drawFinding) : [make("p", { class: "none" }, "✓ Nothing has been found.")]),
    );
}

/* ---- layers ---------------------------------------------------------------------------------- */

/* A bar over the powers of ten between the least and the largest. */
function meter(kind, v, values) {
    const logs = values.filter((x) => x > 0).map(Math.log10),
        least = Math.min(...logs) - 0.5,
        most = Math.max(...logs);
    const share = v > 0 ? (Math.log10(v) - least) / (most - least) : 0;
    return make("span", { class: "meter " + kind }, make("b", { style: `width: ${(100 * share).toFixed(0)}%` }));
}

function meterCell(kind, v, values) {
    if (!isNumber(v)) return make("td", {});
    return make("td", {}, meter(kind, v, values), make("span", { class: "figure" }, number(v)));
}

function shareCell(v) {
    if (!isNumber(v)) return make("td", {});
    const bar = make("b", { style: `width: ${(100 * v).toFixed(0)}%` });
    return make("td", {}, make("span", { class: "meter" + (v >= 0.5 ? " bad" : "") }, bar), make("span", { class: "figure" }, (100 * v).toFixed(1) + " %"));
}

function drawLayers() {
    const run = data.runs[0];
    if (data.runs.length > 1 || !run.layers || !run.layers.length) return byId("layers-seen").remove();
    byId("layers-hint").textContent = run.layers_hint;
    const gradients = run.layers.map((l) => l.gradient).filter(isNumber),
        updates = run.layers.map((l) => l.update).filter(isNumber),
        columns = [
            ["mean", "mean", (v) => make("td", {}, number(v))],
            ["std", "std", (v) => make("td", {}, number(v))],
            ["dead", "dead", shareCell],
            ["saturated", "saturated", shareCell],
            ["gradient", "gradient", (v) => meterCell("gradient", v, gradients)],
            ["update/weight", "update", (v) => meterCell("update", v, updates)],
        ].filter(([, key]) => run.layers.some((l) => isNumber(l[key])));
    const head = make("tr", {}, make("th", { class: "left" }, "layer"), ...columns.map(([title]) => make("th", {}, title)));
    const rows = run.layers.map((l) =>
        make("tr", {}, make("td", { class: "left" }, l.name), ...columns.map(([, key, cell]) => cell(l[key]))),
    );
    byId("layers-table").append(make("thead", {}, head), make("tbody", {}, ...rows));
}

/* ---- pictures --------------------------------------------------------------------------------- */

/* pixels: base64 of [channels][height][width] bytes; of one channel shades of grey, or of the palette: [3][256]. */
function picture(image, side, label, palette) {
    const at = Uint8Array.from(atob(image.pixels), (c) => c.charCodeAt(0)),
        [channels, height, width] = image.shape;
    const canvas = make("canvas", label ? { width, height, role: "img", "aria-label": label } : { width, height, "aria-hidden": "true" }),
        scale = Math.max(1, Math.round(side / Math.max(width, height)));
    canvas.style.width = width * scale + "px";
    const context = canvas.getContext("2d"),
        area = width * height,
        out = context.createImageData(width, height);
    for (let i = 0; i < area; i++)
        for (let c = 0; c < 4; c++)
            out.data[4 * i + c] = c === 3 ? 255 : palette ? palette[256 * c + at[i]] : at[(channels === 3 ? c * area : 0) + i];
    context.putImageData(out, 0, 0);
    return canvas;
}

function drawFilters() {
    const f = data.runs[0].filters;
    if (data.runs.length > 1 || !f) return byId("filters").remove();
    byId("filters-hint").textContent = f.hint;
    byId("filter-list").append(...f.images.map((image, i) => picture(image, 56, `filter ${i} of ${f.layer}`)));
}

function drawMistakes() {
    const list = data.runs[0].mistakes;
    if (data.runs.length > 1 || !list || !list.length) return byId("mistakes").remove();
    byId("mistake-list").append(
        ...list.map((m) =>
            make(
                "figure",
                {},
                picture(m, 84, `sample ${m.row}`),
                make("figcaption", {}, make("b", {}, m.predicted), ` instead of ${m.target}`),
            ),
        ),
    );
}

function drawConfusion() {
    const c = data.runs[0].confusion;
    if (data.runs.length > 1 || !c) return byId("confusion").remove();
    byId("confusion-hint").textContent = `Rows are the classes of the ${data.runs[0].part} samples, columns what was predicted.`;
    const head = make("tr", {}, make("td", {}), ...c.names.map((n) => make("th", {}, n)));
    const rows = c.counts.map((row, i) => {
        const all = row.reduce((a, b) => a + b, 0) || 1;
        const cells = row.map((v, k) =>
            make("td", { class: v === 0 ? "zero" : i === k ? "hit" : "miss", style: `--share: ${Math.sqrt(v / all).toFixed(3)}` }, String(v)),
        );
        return make("tr", {}, make("th", { class: "left", scope: "row" }, c.names[i]), ...cells);
    });
    byId("confusion-table").append(make("thead", {}, head), make("tbody", {}, ...rows));
}

/* ---- facts -------------------------------------------------------------------------------------- */

function drawFacts() {
    const runs = data.runs,
        names = [...new Set(runs.flatMap((r) => r.facts.map(([name]) => name)))];
    if (!names.length) return byId("facts").remove();
    const rows = names.map((name) => {
        const cells = runs.map((r) => (r.facts.find(([n]) => n === name) || ["", ""])[1]);
        return make("tr", {}, make("th", { scope: "row" }, name), ...cells.map((text) => make("td", {}, text)));
    });
    if (runs.length > 1) byId("facts-title").textContent = "Runs";
    if (runs.length > 1)
        byId("facts-table").append(make("thead", {}, make("tr", {}, make("td", {}), ...runs.map((r) => make("th", {}, r.name)))));
    byId("facts-table").append(make("tbody", {}, ...rows));
}

function drawTiles() {
    if (data.runs.length > 1) return byId("tiles").remove();
    const run = data.runs[0],
        last = run.epochs[run.epochs.length - 1] || {};
    const best = (key, pick) => pick(...run.epochs.map((e) => e[key]).filter(isNumber)),
        tile = (value, text) => value && byId("tiles").append(make("div", { class: "tile" }, make("b", {}, value), make("span", {}, text)));
    tile(`${last.epoch || 0} of ${run.planned}`, "epochs");
    tile(number(last.loss), "loss, training");
    tile(number(last.valid), `loss, ${run.part}`);
    if (isNumber(last.accuracy)) tile(percent(last.accuracy), `accuracy, ${run.part}`);
    if (isNumber(last.accuracy)) tile(percent(best("accuracy", Math.max)), "best so far");
    if (last.rate) tile(Math.round(last.rate).toLocaleString("en-US"), "samples per second");
    if (isNumber(last.seconds)) tile(duration(last.seconds), "time");
    if (run.memory) tile(bytes(run.memory), "memory of a step");
}
