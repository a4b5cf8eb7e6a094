/*
 * Shared by all pictures: the data, elements, number formats, the tooltip.
 */
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const isNumber = (v) => typeof v === "number";
let net = data.nets[0];
let open = new Set();
let zoom = 0; /* 0: fit the width */
let chosen = 0; /* the layer whose receptive field is shown */
let printing = false;

/* CSS pixels of an A4 page within its margins. */
const PAGE_WIDTH = 690,
    PAGE_HEIGHT = 940;

/* The width that a picture may take. */
const roomFor = (id) => (printing ? PAGE_WIDTH : byId(id).clientWidth);

function make(tag, attributes, ...children) {
    const drawn = ["svg", "g", "rect", "path", "text", "line", "circle", "title"].includes(tag);
    const e = drawn ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) e.setAttribute(key, value);
    for (const child of children) if (child !== null && child !== undefined) e.append(child);
    return e;
}

function fill(id, ...children) {
    byId(id).replaceChildren(...children);
}

const grouped = (v) => Math.round(v).toLocaleString("en-US");

function brief(v) {
    const units = ["", "k", "M", "G", "T", "P"];
    let unit = 0;
    for (; v >= 999.5 && unit < 5; unit++) v /= 1000;
    return (unit === 0 ? String(Math.round(v)) : v.toPrecision(3)) + units[unit];
}

function bytes(v) {
    const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    for (; v >= 1023.5 && unit < 4; unit++) v /= 1024;
    return (
        (unit === 0 ? String(v) : v < 9.995 ? v.toFixed(2) : v < 99.95 ? v.toFixed(1) : v.toFixed(0)) +
        " " +
        units[unit]
    );
}

function real(v) {
    if (v === 0) return "0";
    const size = Math.abs(v);
    if (size < 0.001 || size >= 99999.5) return v.toExponential(2).replace("e", " × 10^").replace("+", "");
    return String(Number(v.toPrecision(4)));
}

function time(v) {
    const units = ["s", "ms", "µs", "ns"];
    let unit = 0;
    for (; v < 0.9995 && unit < 3; unit++) v *= 1000;
    return Number(v.toPrecision(3)) + " " + units[unit];
}

const percent = (v) => (100 * v).toFixed(v < 1 ? 1 : 0) + "%";
const shapeText = (shape) => shape.join("×");
const known = (v, text) => (isNumber(v) ? text(v) : "n/a");
const why = (v) => (isNumber(v) ? "" : v["n/a"]);

/* Of both axes: "3", "3×5", "all" where the whole input is seen. */
function pairText(field, key) {
    const texts = field[key].map((v, axis) =>
        isNumber(v) ? String(Number(v.toPrecision(6))) : field.whole[axis] ? "all" : "n/a",
    );
    return texts[0] === texts[1] ? texts[0] : texts.join("×");
}

const metric = (key) => net.figures.find((f) => f.key === key);
const params = (l) => l.cost.trained + l.cost.frozen;

/* Swatches with their names. */
const legendEntries = (entries) =>
    entries.map(([kind, text]) => make("span", {}, make("i", {class: kind}), text));
