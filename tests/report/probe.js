/*
 * Uses the page as a reader would, and writes what is wrong into the attribute
 * data-probe of the root: "ok" when nothing is.
 */
addEventListener("load", () => {
    const wrong = [...window.probeErrors];
    const check = (good, text) => { if (!good) wrong.push(text); };
    const all = (selector, inside) => [...(inside || document).querySelectorAll(selector)];
    const change = (id, value, event) => {
        const e = document.getElementById(id);
        e.value = value;
        e.dispatchEvent(new Event(event || "change"));
    };

    function overlap(a, b) {
        return a.left < b.right - 0.5 && b.left < a.right - 0.5 && a.top < b.bottom - 0.5 && b.top < a.bottom - 0.5;
    }

    /* Boxes beside each other do not overlap, and what is written in one fits it. */
    function checkBoxes() {
        for (const g of all("#drawing g")) {
            const boxes = [...g.children].filter((e) => e.classList.contains("box")).map((e) => e.firstChild.getBoundingClientRect());
            for (let i = 1; i < boxes.length; i++) for (let k = 0; k < i; k++) if (overlap(boxes[i], boxes[k])) check(false, "boxes overlap");
        }
        for (const box of all("#drawing .box")) {
            const room = box.firstChild.getBoundingClientRect().width;
            for (const text of [...box.children].filter((e) => e.tagName === "text")) check(text.getBoundingClientRect().width <= room + 1, "text is wider than its box: " + text.textContent);
        }
    }

    function checkBlocks() {
        const closed = all("#drawing .block").find((e) => !e.classList.contains("open"));
        if (!closed) return;
        const path = closed.dataset.path, before = all("#drawing .box").length;
        const find = () => all("#drawing .block").find((e) => e.dataset.path === path);
        closed.dispatchEvent(new MouseEvent("click", {bubbles: true}));
        check(find().classList.contains("open"), "a click opens no block");
        check(all("#drawing .box").length > before, "an open block shows nothing");
        checkBoxes();
        find().dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true}));
        check(!find().classList.contains("open"), "Enter closes no block");
        check(all("#drawing .box").length === before, "a closed block still shows what is in it");
    }

    function checkTable() {
        const head = all("#layer-table th button").findIndex((e) => e.textContent === "params");
        const sort = () => {
            all("#layer-table th button")[head].click();
            return all("#layer-table tbody tr").map((r) => Number(r.children[head].textContent.replace(/[,*]/g, "")));
        };
        const down = sort(), up = sort();
        check(down.length > 0 && down.every((v, i) => i === 0 || down[i - 1] >= v), "the table does not sort downwards");
        check(up.every((v, i) => i === 0 || up[i - 1] <= v), "the table does not sort upwards");
    }

    function checkPictures() {
        for (const option of all("#memory-program option")) {
            change("memory-program", option.value);
            check(all("#arena rect.place").length > 0 || all("#arena p").length > 0, "no picture of the arena of " + option.value);
        }
        for (const option of all("#field-layer option")) change("field-layer", option.value);
        check(all("#field-picture rect.image").length === 1 || document.getElementById("field-text").textContent.startsWith("n/a"), "no receptive field");
        check(all("#flow-bound circle").length > 0 && all("#flow-dead circle").length > 0, "no curve of gradients");
        check(all("#bars b").length > 0, "no bars");
        for (const option of all("#bars-depth option")) change("bars-depth", option.value);
        const box = all("#drawing .box[data-layer]")[0] || all("#drawing .box.block")[0];
        box.dispatchEvent(new PointerEvent("pointerenter", {clientX: 50, clientY: 50}));
        check(!document.getElementById("tip").hidden && document.querySelector("#tip dl").children.length > 3, "no tip");
        box.dispatchEvent(new PointerEvent("pointerleave"));
    }

    /* A swatch of a legend is on one line with its name. */
    function checkLegends() {
        for (const entry of all(".legend > span:not([hidden])")) {
            const swatch = entry.firstChild.getBoundingClientRect(), text = document.createRange();
            text.selectNodeContents(entry.lastChild);
            const lines = [...text.getClientRects()];
            check(lines.length === 1 && lines[0].top < swatch.bottom && swatch.top < lines[0].bottom, "a legend is parted from its swatch: " + entry.textContent);
        }
        check(all(".legend > span").length > 5, "no legend");
    }

    /* What a frame does not show is marked by a shade; at 1400 px nothing is hidden at the side. */
    function checkOverflow() {
        for (const box of all(".frame > .scroll")) {
            const hidden = box.scrollWidth - box.clientWidth > 1;
            check(hidden === box.parentElement.classList.contains("more-right"), "hidden columns are not marked");
            check(!hidden || innerWidth < 1400 || box.id === "drawing", "the table does not fit");
        }
    }

    /* A layer is selected by a ring, blocks are a stack with a mark. */
    function checkSelection() {
        for (const g of all("#drawing .box")) {
            const block = g.classList.contains("block"), ring = [...g.children].find((e) => e.classList.contains("ring"));
            const mark = [...g.children].some((e) => e.classList.contains("mark"));
            check(block === mark, "blocks and layers look alike");
            const shown = ring !== undefined && getComputedStyle(ring).display !== "none";
            check(shown === g.classList.contains("chosen"), "the selected layer has no ring of its own");
        }
    }

    function checkNet() {
        checkLegends();
        checkOverflow();
        checkSelection();
        checkBoxes();
        checkBlocks();
        document.getElementById("open-all").click();
        checkBoxes();
        document.getElementById("close-all").click();
        checkBoxes();
        checkTable();
        checkPictures();
        check(document.documentElement.scrollWidth <= innerWidth, "the page is wider than the window");
    }

    try {
        checkNet();
        const nets = all("#net option");
        for (const option of nets.slice(1)) {
            change("net", option.value);
            checkNet();
        }
        check(nets.length === 0 || all("#compare-table tbody tr").length > 10, "no comparison");
    } catch (error) {
        wrong.push(String(error.stack || error));
    }
    wrong.push(...window.probeErrors);
    document.documentElement.setAttribute("data-probe", wrong.length ? [...new Set(wrong)].slice(0, 8).join("; ") : "ok");
});
