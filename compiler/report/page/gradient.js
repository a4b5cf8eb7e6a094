/*
 * The net with the gradients of its layers' results coloured in: graph.js with what a run has seen.
 */

let decades = 4, /* below the largest: there boxes are pale */
    net = null,
    open = new Set(),
    zoom = 0,
    chosen = -1,
    strongest = 0;

const shapeText = (shape) => shape.join("×");
const choose = () => {};

/* Of a box: that of the layer, or of the block's last one. */
function flowOf(b) {
    const flow = data.runs[0].flow;
    if (b.kind === "layer") return flow[b.layer];
    if (b.kind !== "block") return null;
    const seen = layersOf(findBlock(b.block)).filter((i) => isNumber(flow[i]));
    return seen.length ? flow[seen[seen.length - 1]] : null;
}

/* 1: the largest; 0: 10^−decades of it or less. */
function strength(v) {
    return v > 0 && strongest > 0 ? Math.max(0, 1 + Math.log10(v / strongest) / decades) : 0;
}

function paintBox(g, box) {
    const b = box.b,
        v = flowOf(b);
    if (b.kind !== "layer" && b.kind !== "block") return;
    g.classList.toggle("unseen", !isNumber(v));
    if (!isNumber(v) || box.inner) return;
    g.classList.add("seen-flow");
    g.style.setProperty("--share", strength(v).toFixed(3));
    g.querySelector(":scope > text.soft")?.replaceChildren(number(v));
}

function paintLine(g, b) {
    const v = flowOf(b);
    if (!isNumber(v)) return;
    g.classList.add("seen-flow");
    g.style.setProperty("--share", strength(v).toFixed(3));
}

function eachBlock(blocks, visit, depth = 1) {
    for (const b of blocks) {
        if (isNumber(b)) continue;
        visit(b, depth);
        eachBlock(b.children, visit, depth + 1);
    }
}

function findBlock(path) {
    let found = null;
    eachBlock(net.blocks, (b) => (found = b.path === path ? b : found));
    return found;
}

const layersOf = (block) => (isNumber(block) ? [block] : block.children.flatMap(layersOf));

function flowRow(v) {
    return ["|∂L/∂y|", isNumber(v) ? number(v) + ", " + number(v / strongest) + " of the largest" : "not seen: part of another kernel, or no gradient goes there"];
}

function layerRows(l) {
    const run = data.runs[0],
        seen = (run.layers || []).find((s) => s.name === l.name) || {};
    return [
        ["layer", l.kind + (l.arguments ? "(" + l.arguments + ")" : "") + (l.line ? ", line " + l.line : "")],
        ["output", shapeText(l.output)],
        flowRow(run.flow[net.layers.indexOf(l)]),
        ["|∂L/∂w|", number(seen.gradient)],
        ["update/weight", number(seen.update)],
    ];
}

function blockRows(path) {
    const layers = layersOf(findBlock(path));
    return [
        ["contains", layers.length + " layers"],
        ["output", shapeText(net.layers[layers[layers.length - 1]].output)],
        flowRow(flowOf({kind: "block", block: path})),
    ];
}

function gradientHint(seen) {
    const least = Math.min(...seen);
    return (
        "Root mean square of the gradient of the loss by each layer's result, in the watched steps of the last epoch, and coloured on a " +
        `logarithmic scale of ${decades} powers of ten below the largest, ${number(strongest)}; the least is ${number(least)}.`
    );
}

function drawGradient() {
    const run = data.runs[0],
        seen = run.flow ? run.flow.filter((v) => isNumber(v) && v > 0) : [];
    if (data.runs.length > 1 || !run.net || !seen.length) return byId("gradient").remove();
    net = run.net;
    strongest = Math.max(...seen);
    decades = Math.min(6, Math.max(2, Math.ceil(Math.log10(strongest / Math.min(...seen)))));
    byId("gradient-hint").textContent = gradientHint(seen);
    byId("gradient-most").textContent = number(strongest);
    byId("gradient-least").textContent = "≤ " + number(strongest / 10 ** decades);
    for (const e of document.querySelectorAll(".with-blocks")) e.hidden = Object.keys(net.diagram).length === 1;
    byId("open-all").addEventListener("click", () => {
        eachBlock(net.blocks, (b) => open.add(b.path));
        drawGraph();
    });
    byId("close-all").addEventListener("click", () => {
        open = new Set();
        drawGraph();
    });
    addEventListener("scroll", hideTip, {passive: true});
    openSome(44);
    drawGraph();
    watchOverflow();
}
