/*
 * Printing: a graph that is taller than a page is cut into slices between boxes,
 * and as many slices as fit go side by side, the first row below the summary.
 */

const COLUMN_GAP = 24,
    FIRST_PAGE = 650; /* of PAGE_HEIGHT: what the summary leaves */

/* The vertical extents, in the drawing's own units, that a cut must not cross:
 * layers, closed blocks, ends and the titles of open blocks. */
function uncuttable(svg) {
    const scale = svg.viewBox.baseVal.height / svg.getBoundingClientRect().height,
        origin = svg.getBoundingClientRect().top;
    return [...svg.querySelectorAll(".box")].map((g) => {
        const r = g.firstChild.getBoundingClientRect();
        const top = (r.top - origin) * scale;
        return [top - 3, g.classList.contains("open") ? top + BAR : (r.bottom - origin) * scale + 5];
    });
}

const columnsAt = (w, scale) => Math.max(1, Math.floor((PAGE_WIDTH + COLUMN_GAP) / (w * scale + COLUMN_GAP)));

/* Where slices start: slice k is at most most(k) high and ends in the lowest gap it can. */
function cutHeights(spans, height, most) {
    const starts = [0];
    for (let start = 0; height - start > most(starts.length - 1); starts.push(start)) {
        const end = start + most(starts.length - 1);
        let cut = end;
        for (let moved = true; moved; ) {
            const hit = spans.find(([top, bottom]) => top < cut && cut < bottom);
            moved = hit !== undefined && hit[0] > start;
            if (moved) cut = hit[0];
        }
        start = cut > start ? cut : end;
    }
    return starts;
}

/* The scale and the starts of slices: the largest scale at which the first page
 * holds them all, in slices of about one height; where that could not be read,
 * full pages. */
function printSlices(w, h, spans) {
    const most = Math.min(1, PAGE_WIDTH / w),
        least = Math.min(0.6, most);
    for (let scale = most; scale >= least; scale *= 0.97) {
        let high = FIRST_PAGE / scale,
            starts = cutHeights(spans, h, () => high);
        if (starts.length > columnsAt(w, scale)) continue;
        for (let next = starts; next.length === starts.length && high > 50; high -= 5) {
            starts = next;
            next = cutHeights(spans, h, () => high - 5);
        }
        return {scale, starts};
    }
    const scale = Math.min(most, 0.8),
        first = columnsAt(w, scale);
    return {scale, starts: cutHeights(spans, h, (k) => (k < first ? FIRST_PAGE : PAGE_HEIGHT - 20) / scale)};
}

function sliceGraph() {
    const holder = byId("drawing"),
        svg = holder.firstChild,
        w = svg.viewBox.baseVal.width,
        h = svg.viewBox.baseVal.height,
        {scale, starts} = printSlices(w, h, uncuttable(svg));
    const slices = starts.map((top, k) => {
        const slice = svg.cloneNode(true),
            high = (k + 1 < starts.length ? starts[k + 1] : h) - top;
        slice.setAttribute("viewBox", "0 " + top + " " + w + " " + high);
        slice.setAttribute("width", w * scale);
        slice.setAttribute("height", high * scale);
        slice.style.margin = "0";
        return slice;
    });
    holder.replaceChildren(...slices);
}
