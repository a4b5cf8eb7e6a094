"use strict";
/* The certificate of an int8 net; its JSON is the data. */
const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const percent = (x, digits = 2) => (100 * x).toFixed(digits) + " %";
const grouped = (x) => x.toString().replace(/\B(?=(\d{3})+$)/g, ",");
const points = (x) => (x < 0 ? "−" : "+") + Math.abs(100 * x).toFixed(2);

/* A cell of text; `left` of words. */
function cell(row, text, left, head) {
    const made = document.createElement(head && text ? "th" : "td");
    made.textContent = text;
    if (left) made.className = "left";
    if (head && text) made.scope = head;
    row.append(made);
    return made;
}

function table(id, heads) {
    const head = at(id).createTHead().insertRow();
    heads.forEach((text, i) => cell(head, text, i === 0, "col"));
    const body = document.createElement("tbody");
    at(id).append(body);
    return (cells) => {
        const row = body.insertRow();
        cells.forEach((text, i) => cell(row, text, i === 0, i === 0 ? "row" : ""));
        return row;
    };
}

function tile(value, what) {
    const made = document.createElement("div"), b = document.createElement("b"), span = document.createElement("span");
    made.className = "tile";
    b.textContent = value;
    span.textContent = what;
    made.append(b, span);
    at("tiles").append(made);
}

function drawAccuracy(a) {
    const add = table("accuracy-table", ["net", "accuracy", "from", "to", "right", "loss"]);
    const line = (name, x) => add([name, percent(x.accuracy), percent(x.interval_95[0]), percent(x.interval_95[1]),
        grouped(x.right) + " of " + grouped(a.samples), x.loss.toPrecision(6)]);
    line("in f32", a.before);
    line("in int8", a.after);
    add(["change, points", points(a.change), points(a.change_interval_95[0]), points(a.change_interval_95[1]),
        a.lost + " lost, " + a.won + " won", ""]);
    at("accuracy").hidden = false;
}

function drawValues(values) {
    const add = table("values-table", ["value", "SNR, dB", "", "largest error", "saturated", "at the ends", "scale", "zero"]);
    const most = Math.max(...values.map((v) => v.snr_db || 0), 1);
    for (const v of values) {
        const known = v.snr_db !== null;
        const row = add([v.value, known ? v.snr_db.toFixed(2) : "exact", "", v.largest_error.toPrecision(4),
            percent(v.saturated, 3), percent(v.at_ends, 3), v.scale.toPrecision(4), String(v.zero_point)]);
        const bar = document.createElement("i");
        bar.style.width = known ? Math.max(100 * v.snr_db / most, 0).toFixed(1) + "%" : "100%";
        if (known && v.snr_db < 20) bar.className = "low";
        row.cells[2].className = "bar";
        row.cells[2].append(bar);
    }
}

at("subtitle").textContent = "int8 weights made of " + data.weights + "; calibration " + data.calibration + " on " +
    grouped(data.calibration_samples) + " samples of " + data.data;
const a = data.accuracy;
if (a) {
    tile(points(a.change), "points of accuracy, on " + grouped(a.samples) + " " + a.part + " samples");
    tile(percent(a.after.accuracy), "in int8");
    tile(percent(a.before.accuracy), "in f32");
    drawAccuracy(a);
}
tile(grouped(data.weight_bytes_after), "bytes of weights");
tile(percent(data.weight_bytes_after / data.weight_bytes_before, 0), "of those in f32");
const lowest = data.layers.reduce((x, v) => (v.snr_db !== null && (!x || v.snr_db < x.snr_db) ? v : x), null);
if (lowest) tile(lowest.snr_db.toFixed(1) + " dB", "lowest SNR, " + lowest.value);
if (data.max_drop !== null) tile("≤ " + data.max_drop, "points of drop were asked for");
drawValues(data.layers);
if (data.in_f32.length) {
    const kept = data.kept_in_f32.length ? " Kept because it was wanted: " + data.kept_in_f32.join(", ") + "." : "";
    at("reals-text").textContent = data.in_f32.join(", ") + "." + kept;
    at("reals").hidden = false;
}
