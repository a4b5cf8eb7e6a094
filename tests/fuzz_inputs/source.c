/* A source, through the formatter, the report and the emission of C. */
#include <stdio.h>
#include <stdlib.h>

#include "elab/elaborate.h"
#include "emit/emit.h"
#include "front/format.h"
#include "report/report_formats.h"
#include "tests/fuzz_inputs/fuzz_inputs.h"

enum { BYTES = 1 << 13, NODES = 60 }; /* of what is tried */

static void print_report(const Analysis *a)
{
    const char *title = "fuzz";
    Report report = {.net = &a, .title = &title, .count = 1, .depth = DEPTH_ALL, .width = 100};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    report_format("text")->print(&report, out);
    fclose(out);
    free(text);
}

static void use_net(Compilation *c, Graph *net, TrainSpec *spec)
{
    ReportOptions options = report_options();
    options.batch = 1;
    const Analysis *a = analysis_build(net, spec, &options);
    if (a) print_report(a);
    EmitOptions emit = {
        .lower.batch = 1, .lower.plain = true, .header = "net.h", .lower.infer = true, .lower.train = true};
    if (a && !c->errors) emit_c(net, spec, &emit);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size > BYTES) return 0;
    Compilation *c = compilation_new();
    List none = {0};
    Text formatted;
    text_init(&formatted, c->arena);
    front_format(c, "fuzz.nn", (const char *)bytes, size, train_keys(), &formatted);
    const File *file = front_parse_text(c, "fuzz.nn", (const char *)bytes, size);
    Graph *net = file && !c->errors ? elaborate(c, file, NULL, &none) : NULL;
    TrainSpec *spec = net && !c->errors ? train_spec(c, file, net, &none) : NULL;
    if (spec && !c->errors && net->nodes.count <= NODES) use_net(c, net, spec);
    compilation_free(c);
    return 0;
}
