/*
 * What the text of functions consists of.
 *
 * Enters: C as the operators print it.  Leaves: how many functions, loops, branches, indices
 * and operations there are, and the bytes of the tables in them.  An operation is a binary operator
 * between spaces; those of a loop's head are the loop's.
 */
#include "emit/code_size.h"

#include <stdlib.h>
#include <string.h>

static bool begins(const char *text, const char *word) { return strncmp(text, word, strlen(word)) == 0; }

static bool is_operation(const char *p)
{
    static const char *const operators[] = {" * ", " + ", " - ", " / ", " += ", " *= ", " /= ", " < ", " > ", " ? "};
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (begins(p, operators[i])) return true;
    return false;
}

static const char *behind_comment(const char *p)
{
    const char *end = strstr(p, "*/");
    return end ? end + 1 : p + strlen(p) - 1;
}

/* Of a table, TYPE NAME[COUNT], which the linker aligns to 4. */
static int64_t table_bytes(const char *p)
{
    int64_t bytes = begins(p, "int8_t") ? 1 : 4;
    const char *end = strchr(p, '=');
    for (p = strchr(p, '['); p && end && p < end; p = strchr(p + 1, '[')) bytes *= strtoll(p + 1, NULL, 10);
    return round_up(bytes, 4);
}

/* nn_rescale(x, multiplier, shift): inlined, and shorter where it knows which way it shifts. */
static void count_factor(CodeParts *parts, const char *p)
{
    const char *shift = strstr(p, "shift["), *end = strchr(p, ';');
    if (shift && end && shift < end)
        parts->factors_of_tables++;
    else
        parts->factors++;
}

static void count_column(CodeParts *parts, const char *p)
{
    const int64_t bytes = round_up(2 * strtoll(strchr(p, '[') + 1, NULL, 10), 8);
    if (bytes > parts->column) parts->column = bytes;
}

void code_count(CodeParts *parts, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (begins(p, "/*")) p = behind_comment(p);
        if (p > text && p[-1] == '\n' && begins(p, "}")) parts->functions++;
        if (begins(p, "static const ")) {
            p += strlen("static const ");
            parts->tables += table_bytes(p);
            p += strcspn(p, ";");
        }
        if (begins(p, "int16_t column[")) count_column(parts, p);
        if (begins(p, "nn_quantize(")) parts->roundings++;
        if (begins(p, "nn_rescale(")) count_factor(parts, p);
        if (begins(p, "for (")) parts->loops++, parts->operations--;
        if (begins(p, "if (")) parts->branches++;
        if (*p == '[') parts->indices++;
        if (is_operation(p)) parts->operations++;
    }
}
