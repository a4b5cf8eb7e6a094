#!/bin/sh
# The curves of scale.c to 1,000 ranks, from the profiles: prints tables in Markdown, and writes the picture.
#
#     bench/scale/curve.sh [PICTURE.svg]        (docs/scaling.svg)
#
# A rank is a node of SPEED (25) times one core of the profiles.
# CC cc
cd "$(dirname "$0")/../.." || exit 1
picture=${1:-docs/scaling.svg}
SPEED=${SPEED:-25}
LC_ALL=C
export LC_ALL
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
"${CC:-cc}" -std=gnu11 -O2 bench/scale/scale.c -o "$tmp/scale" -lm || exit 1
ranks=1,2,4,8,16,32,64,128,256,512,1000

# scale NET SAMPLES GBIT OPTIONS…: 94 % of a link is payload; TCP up to 25 Gbit/s, RDMA with 100
scale() {
    net=$1 samples=$2 gbit=$3
    shift 3
    case $gbit in 10) set -- --latency 25 --overhead 5 "$@" ;; 25) set -- --latency 15 --overhead 4 "$@" ;;
    100) set -- --latency 2 --overhead 0.5 "$@" ;; esac
    "$tmp/scale" "$@" --gbit "$(awk -v g="$gbit" 'BEGIN { print 0.94 * g }')" --add 10 --speed "$SPEED" --ranks $ranks \
        --per-rank "$samples" "bench/scale/profiles/$net"-*
}

echo '| net | samples for each rank | Gbit/s | exchange | 8 ranks | 64 ranks | 1000 ranks | half speed at | because of |'
echo '|---|---:|---:|---|---:|---:|---:|---:|---|'
: >"$tmp/all"
for net in lenet:64 alexnet:32 vgg16:32 resnet50:32; do
    samples=${net#*:} net=${net%:*}
    for gbit in 10 25 100; do
        for how in 'slices' 'slices, sharded' 'slices, overlap' 'slices, both' 'factors, both' 'ring, overlap'; do
            case $how in
            'slices') set -- ;;
            'slices, sharded') set -- --shard ;;
            'slices, overlap') set -- --overlap ;;
            'slices, both') set -- --overlap --shard ;;
            'factors, both') set -- --overlap --shard --factors ;;
            *) set -- --overlap --algorithm ring ;;
            esac
            scale "$net" "$samples" "$gbit" "$@" >"$tmp/out" || exit 1
            awk -F, -v net="$net" -v samples="$samples" -v gbit="$gbit" -v how="$how" -v all="$tmp/all" 'NR > 1 {
                e[$5] = $13; why = $14
                if (!half && $13 < 0.5) half = $5
                print net, gbit, how ~ /^slices$/ ? "plain" : how == "slices, overlap" ? "overlap" : "-", $5, $13 >>all
            } END { printf "| %s | %d | %d | %s | %.0f %% | %.0f %% | %.0f %% | %s | %s |\n", net, samples, gbit, how, 100 * e[8],
                100 * e[64], 100 * e[1000], half ? half : "-", why }' "$tmp/out"
        done
    done
done

awk '
function px(r) { return x0 + 300 * log(r) / log(1000) }
BEGIN {
    print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 560\" font-family=\"sans-serif\" font-size=\"12\">"
    print "<title>Efficiency of 1 to 1000 ranks</title><rect width=\"760\" height=\"560\" fill=\"#fff\"/>"
    colour[10] = "#c0392b"; colour[25] = "#2471a3"; colour[100] = "#1e8449"
}
!($1 in place) {
    n = place[$1] = count++
    x0 = 50 + n % 2 * 370; y0 = 40 + int(n / 2) * 250
    printf "<text x=\"%d\" y=\"%d\" font-weight=\"bold\">%s</text>\n", x0, y0 - 10, $1
    for (i = 0; i <= 4; i++) {
        y = y0 + 180 - 45 * i
        printf "<path d=\"M%d %dh300\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%d\" text-anchor=\"end\">%d %%</text>\n", x0, y, x0 - 6, y + 4, 25 * i
    }
    for (r = 1; r <= 1000; r *= 10)
        printf "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d</text>\n", px(r), y0 + 197, r
}
$3 != "-" {
    n = place[$1]; x0 = 50 + n % 2 * 370; y0 = 40 + int(n / 2) * 250
    key = $1 " " $2 " " $3
    line[key] = line[key] (line[key] == "" ? "M" : "L") sprintf("%.1f %.1f", px($4), y0 + 180 - 180 * $5)
    if (!(key in seen)) { seen[key] = 1; keys[++lines] = key }
}
END {
    for (i = 1; i <= lines; i++) {
        split(keys[i], k, " ")
        printf "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\"%s/>\n", line[keys[i]], colour[k[2]], k[3] == "plain" ? " stroke-dasharray=\"5 3\"" : ""
    }
    printf "<text x=\"50\" y=\"545\">ranks; <tspan fill=\"%s\">10</tspan>, <tspan fill=\"%s\">25</tspan>, <tspan fill=\"%s\">100</tspan> Gbit/s; slices after the backward pass (dashed) and during it</text>\n</svg>\n", colour[10], colour[25], colour[100]
}' "$tmp/all" >"$tmp/picture" && mv "$tmp/picture" "$picture" && chmod 644 "$picture"
