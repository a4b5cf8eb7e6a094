/*
 * What the text of functions consists of.
 *
 * Enters: C as the operators print it.  Leaves: how many functions, loops, branches, indices
 * and operations there are.  An operation is a binary operator between spaces; those of a loop's head
 * are the loop's.
 */
#include "emit/code_size.h"

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

void code_count(CodeParts *parts, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (begins(p, "/*")) p = behind_comment(p);
        if (p > text && p[-1] == '\n' && begins(p, "}")) parts->functions++;
        if (begins(p, "for (")) parts->loops++, parts->operations--;
        if (begins(p, "if (")) parts->branches++;
        if (*p == '[') parts->indices++;
        if (is_operation(p)) parts->operations++;
    }
}
