# Tables of random numbers as CSV files.
# shellcheck shell=dash

# table NAME ROWS BODY: BODY sets `row`; r() is a number in 0 … 1, g() about normal.
table() {
    awk -v rows="$2" 'function r() { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 2147483648 }
        function g() { return (r() + r() + r() + r() - 2) * 1.732 }
        BEGIN { seed = 7; print head; for (i = 0; i < rows; i++) { '"$3"'; print row } }' | sed '/^$/d' >"$1.csv"
}
table blobs 240 'k = i % 3; row = sprintf("%.4f,%.4f,%d", 3 * (k == 0) - k + 0.5 * g(), 2 * k - 2 + 0.5 * g(), k)'
