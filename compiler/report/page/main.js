/*
 * Draws everything, and again when the net, the width or a choice changes.
 */

function drawWide() {
    drawGraph();
    drawArena();
    drawField();
    drawFlow();
}

function paintBox() {}
function paintLine() {}

const sourceNotes = {
    measured: " (measured)",
    given: " (given)",
    assumed: " (assumed, not measured)",
};

/* 100 GFLOP/s and 20 GB/s (measured); each with its source where these differ. */
function machineText(o) {
    const giga = (v) => Number((v / 1e9).toPrecision(4));
    const peakNote = o.peak_source === o.bandwidth_source ? "" : sourceNotes[o.peak_source];
    return (
        giga(o.peak_flops) +
        " GFLOP/s" +
        peakNote +
        " and " +
        giga(o.bandwidth_bytes) +
        " GB/s" +
        sourceNotes[o.bandwidth_source]
    );
}

function drawNet() {
    const o = net.options;
    byId("subtitle").textContent =
        net.inputs.map((i) => shapeText(i.shape)).join(" and ") +
        " → " +
        shapeText(net.output) +
        ". MACs and FLOPs are per sample; bytes and time are for a batch of " +
        o.batch +
        ". Time is for a machine of " +
        machineText(o) +
        ".";
    for (const e of document.querySelectorAll(".with-blocks")) e.hidden = Object.keys(net.diagram).length === 1;
    zoom = 0;
    openSome(44);
    drawTiles();
    fillDepths();
    fillMemory();
    fillFields();
    drawBars();
    drawTable();
    drawTotals();
    const last = isNumber(net.last_map) ? net.last_map : 0,
        fields = fieldLayers();
    if (fields.length) choose(fields.includes(last) ? last : fields[fields.length - 1]);
    drawWide();
    markFrames();
}

function zoomBy(factor) {
    const svg = byId("drawing").firstChild;
    zoom = Math.max(0.1, Math.min(3, (svg.getAttribute("width") / svg.viewBox.baseVal.width) * factor));
    drawGraph();
}

function listen() {
    byId("open-all").addEventListener("click", () => {
        eachBlock(net.blocks, (b) => open.add(b.path));
        drawGraph();
    });
    byId("close-all").addEventListener("click", () => {
        open = new Set();
        drawGraph();
    });
    byId("zoom-in").addEventListener("click", () => zoomBy(1.25));
    byId("zoom-out").addEventListener("click", () => zoomBy(0.8));
    byId("bars-depth").addEventListener("change", drawBars);
    byId("memory-program").addEventListener("change", drawArena);
    byId("field-layer").addEventListener("change", (e) => choose(Number(e.target.value)));
    byId("field-slide").addEventListener("input", (e) => choose(fieldLayers()[Number(e.target.value)]));
    byId("net").addEventListener("change", (e) => {
        net = data.nets[Number(e.target.value)];
        drawNet();
    });
    addEventListener("scroll", hideTip, {passive: true});
    addEventListener("beforeprint", () => {
        printing = true;
        drawWide();
        sliceGraph();
    });
    addEventListener("afterprint", () => {
        printing = false;
        drawWide();
    });
    let waiting = 0,
        width = innerWidth;
    addEventListener("resize", () => {
        if (innerWidth === width) return;
        width = innerWidth;
        clearTimeout(waiting);
        waiting = setTimeout(drawWide, 150);
    });
}

if (data.nets.length > 1) {
    byId("choose").hidden = false;
    data.nets.forEach((n, i) => byId("net").append(make("option", {value: i}, n.title)));
}
listen();
watchOverflow();
drawComparison();
drawNet();
