/*
 * What a few layers make of a few samples.
 */

function activationText(l) {
    const scale = l.signed ? `blue is negative, red positive, up to ${number(l.most)}` : `0 is dark, yellow ${number(l.most)}`;
    const some = l.shown < l.channels ? `, the first ${l.shown} of ${l.channels} channels` : "";
    return `${l.shape}${some}: ${scale}`;
}

/* Of channels small ones; of a vector squares that can be told apart. */
function sideOf(image, count) {
    const longer = Math.max(image.shape[1], image.shape[2]);
    return count > 1 ? 42 : Math.min(longer < 8 ? 20 * longer : 12 * longer, 168);
}

function sampleFigure(s) {
    const text = s.target === undefined ? `sample ${s.row}` : s.predicted === undefined ? s.target : s.predicted === s.target ? `${s.target} ✓` : `${s.target}, taken for ${s.predicted}`;
    const input = s.x ? " (" + s.x.map(number).join(", ") + ")" : "";
    const caption = make("figcaption", {}, make("b", {}, text), input);
    return s.pixels ? make("figure", {}, picture(s, 84, `sample ${s.row}`), caption) : make("figure", {}, caption);
}

function drawActivations() {
    const a = data.runs[0].activations;
    if (data.runs.length > 1 || !a) return byId("activations").remove();
    const palette = (l) => Uint8Array.from(atob((l.signed ? a.diverging : a.sequential).pixels), (c) => c.charCodeAt(0));
    const rows = a.layers.map((l) => {
        const colors = palette(l);
        const cells = l.samples.map((images, i) =>
            make(
                "td",
                {},
                make(
                    "div",
                    {class: "maps", role: "img", "aria-label": `${l.layer} of sample ${a.samples[i].row}`},
                    ...images.map((image) => picture(image, sideOf(image, images.length), "", colors)),
                ),
            ),
        );
        return make("tr", {}, make("th", {class: "left", scope: "row"}, l.layer, make("span", {}, activationText(l))), ...cells);
    });
    const head = make("tr", {}, make("th", {class: "left", scope: "col"}, "input"), ...a.samples.map((s) => make("th", {class: "left", scope: "col"}, sampleFigure(s))));
    byId("activation-table").append(make("thead", {}, head), make("tbody", {}, ...rows));
}
