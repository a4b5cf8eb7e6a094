/*
 * Bars of parameters, MACs and activations, by layer or by block.
 */

function rowsAt(depth) {
    const rows = [];
    const walk = (blocks, level) => {
        for (const b of blocks) {
            const layers = layersOf(b);
            if (isNumber(b)) rows.push({name: layers[0].name, layers});
            else if (level >= depth) rows.push({name: b.path, layers});
            else walk(b.children, level + 1);
        }
    };
    walk(net.blocks, 1);
    return rows.map((r) => ({...r, ...sums(r.layers)})).filter((r) => r.params + r.macs + r.bytes > 0);
}

function deepest() {
    let most = 1;
    eachBlock(net.blocks, (b, depth) => {
        most = Math.max(most, depth + 1);
    });
    return most;
}

function fillDepths() {
    const select = byId("bars-depth"),
        most = deepest();
    select.replaceChildren();
    for (let d = 1; d <= most; d++)
        select.append(make("option", {value: d}, d === most ? "layer" : d === 1 ? "outermost block" : "block, level " + d));
    let best = 1;
    for (let d = 1; d <= most; d++) if (rowsAt(d).length <= 36) best = d;
    select.value = best;
}

function bar(kind, value, most, text) {
    const share = most > 0 ? value / most : 0,
        b = make("b"),
        span = make("span", {}, value ? text(value) : "");
    b.style.width = 100 * share + "%";
    if (share > 0.6) {
        span.style.right = 100 - 100 * share + "%";
        span.style.color = "var(--panel)";
    } else span.style.left = 100 * share + "%";
    return make("div", {class: "bar " + kind}, b, span);
}

function drawBars() {
    const rows = rowsAt(Number(byId("bars-depth").value)),
        grid = make("div", {class: "bars"});
    const most = (key) => Math.max(...rows.map((r) => r[key]));
    const top = {params: most("params"), macs: most("macs"), bytes: most("bytes")};
    for (const head of ["", "parameters", "MACs", "activation bytes, batch " + net.options.batch])
        grid.append(make("div", {class: "head"}, head));
    for (const r of rows) {
        grid.append(
            make("div", {class: "name", title: r.name}, r.name + (r.layers.every((l) => l.part === "head") ? " (head)" : "")),
            bar("params", r.params, top.params, brief),
            bar("macs", r.macs, top.macs, brief),
            bar("bytes", r.bytes, top.bytes, bytes),
        );
    }
    fill("bars", grid);
}
