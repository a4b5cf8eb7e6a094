/*
 * The tree of blocks, and what the tooltip says about a layer or a block.
 */

function layersOf(block) {
    if (isNumber(block)) return [net.layers[block]];
    return block.children.flatMap(layersOf);
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
    eachBlock(net.blocks, (b) => {
        if (b.path === path) found = b;
    });
    return found;
}

function sums(layers) {
    const total = {params: 0, macs: 0, bytes: 0};
    for (const l of layers) {
        total.params += params(l);
        total.macs += l.cost.macs;
        total.bytes += l.cost.activation_bytes;
    }
    return total;
}

function blockRows(path) {
    const layers = layersOf(findBlock(path)),
        total = sums(layers),
        last = layers[layers.length - 1];
    return [
        ["contains", layers.length + " layers"],
        ["output", shapeText(last.output)],
        ["parameters", grouped(total.params)],
        ["MACs", grouped(total.macs)],
        ["activations", bytes(total.bytes)],
        ["field", pairText(last.field, "size")],
        ["gradient ≤", known(last.gradient.bound, real)],
    ];
}

function layerRows(l) {
    return [
        ["layer", l.kind + (l.arguments ? "(" + l.arguments + ")" : "") + (l.line ? ", line " + l.line : "")],
        ["output", shapeText(l.output)],
        [
            "parameters",
            params(l) ? grouped(params(l)) + (l.cost.frozen ? " (" + grouped(l.cost.frozen) + " frozen)" : "") : "",
        ],
        ["buffers", l.cost.buffers ? grouped(l.cost.buffers) : ""],
        ["MACs", l.cost.macs ? grouped(l.cost.macs) : ""],
        ["FLOPs", l.cost.flops ? grouped(l.cost.flops) : ""],
        ["activation", l.cost.activation_bytes ? bytes(l.cost.activation_bytes) : ""],
        [
            "field",
            pairText(l.field, "size") +
                (isNumber(l.field.stride[0])
                    ? ", stride " + pairText(l.field, "stride") + ", padding " + pairText(l.field, "padding")
                    : ""),
        ],
        ["covers", known(l.field.covered, percent)],
        ["paths", l.field.misaligned ? "misaligned where they meet here" : ""],
        ["intensity", known(l.time.intensity, real)],
        ["time", l.time.seconds > 0 ? time(l.time.seconds) + ", " + l.time.limit + " bound" : ""],
        ["gradient ≤", known(l.gradient.bound, real)],
        ["dead", known(l.gradient.dead, real)],
        ["part", l.part === "main" ? "" : l.part === "head" ? "head " + l.head + ", for training only" : "unused"],
    ];
}
