/*
 * Tables: the layers, sortable; totals; nets side by side.
 */

const first = (pair) => (isNumber(pair[0]) ? pair[0] : isNumber(pair[1]) ? pair[1] : Infinity);
const orLast = (v) => (isNumber(v) ? v : Infinity);

/* Heading, cell text, sort key. */
const columns = [
    ["#", (l, i) => String(i + 1), (l, i) => i],
    ["name", (l) => l.name, (l) => l.name],
    ["layer", (l) => l.kind + (l.arguments ? "(" + l.arguments + ")" : ""), (l) => l.kind],
    ["output", (l) => shapeText(l.output), (l) => l.output.reduce((a, b) => a * b, 1)],
    ["params", (l) => (params(l) ? grouped(params(l)) + (l.cost.frozen ? "*" : "") : ""), params],
    ["MACs", (l) => (l.cost.macs ? brief(l.cost.macs) : ""), (l) => l.cost.macs],
    ["FLOPs", (l) => (l.cost.flops ? brief(l.cost.flops) : ""), (l) => l.cost.flops],
    ["activation", (l) => (l.cost.activation_bytes ? bytes(l.cost.activation_bytes) : ""), (l) => l.cost.activation_bytes],
    ["field", (l) => pairText(l.field, "size") + (l.field.misaligned ? "!" : ""), (l) => first(l.field.size)],
    [
        "stride",
        (l) => (isNumber(first(l.field.stride)) && first(l.field.stride) < Infinity ? pairText(l.field, "stride") : ""),
        (l) => first(l.field.stride),
    ],
    [
        "padding",
        (l) => (first(l.field.padding) < Infinity ? pairText(l.field, "padding") : ""),
        (l) => first(l.field.padding),
    ],
    ["covered", (l) => known(l.field.covered, percent), (l) => orLast(l.field.covered)],
    ["FLOP/B", (l) => known(l.time.intensity, real), (l) => orLast(l.time.intensity)],
    ["time", (l) => (l.time.seconds > 0 ? time(l.time.seconds) : ""), (l) => l.time.seconds],
    ["gradient", (l) => known(l.gradient.bound, real), (l) => orLast(l.gradient.bound)],
    ["dead", (l) => known(l.gradient.dead, real), (l) => orLast(l.gradient.dead)],
];
/* What the numbers of a column mean. */
const meanings = {
    params: "trained and frozen parameters; * marks frozen ones",
    MACs: "multiply–accumulates per sample",
    FLOPs: "operations per sample, 2 per MAC",
    activation: "memory of the output for the batch",
    field: "receptive field in pixels of the input; ! marks misaligned paths",
    stride: "input pixels between neighbouring elements",
    padding: "how far the first field extends outside the input",
    covered: "share of the input seen by the middle element",
    "FLOP/B": "arithmetic intensity: FLOPs per byte moved",
    time: "roofline lower bound for the batch",
    gradient: "upper bound on |dL/dy|, relative to the output",
    dead: "probability that dL/dy is zero",
};
let sorted = {column: 0, up: true};

const reasons = (l) =>
    [...new Set([why(l.field.covered), why(l.time.intensity), why(l.gradient.bound)].filter(Boolean))].join("; ");

function tableHead() {
    const row = make("tr");
    columns.forEach(([name], k) => {
        const button = make("button", {type: "button", class: "screen", title: meanings[name] || ""}, name);
        /* on paper plain text: headings repeat on every page only without controls in them */
        const th = make("th", {class: k === 1 || k === 2 ? "left" : ""}, button, make("span", {class: "paper"}, name));
        if (k === sorted.column) th.setAttribute("aria-sort", sorted.up ? "ascending" : "descending");
        button.addEventListener("click", () => {
            sorted = {column: k, up: k === sorted.column ? !sorted.up : k < 3};
            drawTable();
            byId("layer-table").querySelectorAll("th button")[k].focus();
        });
        row.append(th);
    });
    return make("thead", {}, row);
}

function drawTable() {
    const key = columns[sorted.column][2],
        sign = sorted.up ? 1 : -1;
    const rows = net.layers.map((l, i) => ({l, i, key: key(l, i)}));
    rows.sort((a, b) => (a.key < b.key ? -sign : a.key > b.key ? sign : a.i - b.i));
    const body = make("tbody");
    for (const {l, i} of rows) {
        const tr = make("tr", reasons(l) ? {title: "n/a: " + reasons(l)} : {});
        columns.forEach(([, text, value], k) => {
            const t = text(l, i);
            const cell = make("td", {class: t === "n/a" ? "na" : k === 1 || k === 2 ? "left" : ""}, t);
            if (k === 2) cell.title = t;
            else if (/[kMGTB]/.test(t) && k > 4) cell.title = grouped(value(l, i));
            tr.append(cell);
        });
        body.append(tr);
    }
    fill("layer-table", tableHead(), body);
}

const labelClass = (row) => (row.label.startsWith(" ") ? "left part" : "left");

function drawTotals() {
    const body = make("tbody");
    for (const f of net.figures.filter((f) => f.told))
        body.append(
            make(
                "tr",
                {},
                make("td", {class: labelClass(f)}, f.label.trim()),
                make("td", {class: f.text === "n/a" ? "na" : ""}, f.text),
                make("td", {class: "left wrap"}, f.note),
            ),
        );
    const limit = net.memory.largest_batch;
    if (limit !== undefined)
        body.append(
            make(
                "tr",
                {},
                make("td", {class: "left"}, "largest batch"),
                make("td", {}, grouped(limit)),
                make("td", {class: "left wrap"}, "within " + bytes(net.memory.memory_limit)),
            ),
        );
    for (const b of net.memory.batches)
        body.append(
            make(
                "tr",
                {},
                make("td", {class: "left"}, "batch " + b.batch),
                make("td", {}, known(b.training_bytes, bytes)),
                make("td", {class: "left wrap"}, "for training; " + bytes(b.inference_bytes) + " for inference"),
            ),
        );
    fill("total-table", body);
}

function drawTiles() {
    const tile = (key, label, text) => {
        const f = metric(key);
        return make(
            "div",
            {class: "tile", title: f.note},
            make("b", {}, isNumber(f.value) && text ? text(f.value) : f.text),
            make("span", {}, label),
        );
    };
    fill(
        "tiles",
        tile("params", "parameters"),
        tile("macs", "MACs", brief),
        tile("depth", "depth in layers"),
        tile("field", "receptive field"),
        tile("gradient_bound", "gradient bound"),
        tile("infer_bytes", "inference memory", bytes),
        tile("train_bytes", "training memory", bytes),
        tile("seconds", "time, at least"),
    );
}

function ratioText(v) {
    if (!isNumber(v) || v <= 0) return "";
    if (v === 1) return "=";
    return (v > 1 ? "×" : "÷") + real(v > 1 ? v : 1 / v);
}

function drawComparison() {
    if (!data.comparison) return;
    byId("compare").hidden = false;
    const head = make("tr", {}, make("th", {class: "left"}, ""));
    data.nets.forEach((n, i) => head.append(make("th", {}, n.title), ...(i ? [make("th")] : [])));
    const body = make("tbody");
    for (const row of data.comparison.filter((r) => r.told)) {
        const tr = make("tr", {}, make("td", {class: labelClass(row)}, row.label.trim()));
        row.texts.forEach((t, i) =>
            tr.append(
                make("td", {class: t === "n/a" ? "na" : ""}, t),
                ...(i ? [make("td", {class: "ratio"}, ratioText(row.ratios[i]))] : []),
            ),
        );
        body.append(tr);
    }
    fill("compare-table", make("thead", {}, head), body);
}
