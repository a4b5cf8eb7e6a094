/*
 * The nearest name: what a misspelt word was meant to be.
 *
 * Enters: a word and the words that would have been right.  Leaves: one of them
 * or NULL.  The distance is Damerau's and Levenshtein's in its restricted form
 * (one insertion, deletion, substitution or swap of neighbours costs 1, and no
 * place is edited twice), with upper and lower case counted as equal.  It may be
 * a third of the longer word at most: more is a guess, not a suggestion.  Where no word is as
 * near, it may be one that the name goes on from with a `_`: batch_size, batch.
 */
#include "base/base.h"

#include <string.h>

enum { LONGEST = 64 };

static int lower(char letter) { return letter >= 'A' && letter <= 'Z' ? letter + ('a' - 'A') : letter; }

static int least(int a, int b) { return a < b ? a : b; }

/* One cell of the table: turning the first i letters of a into the first j of b. */
static int cell(const char *a, const char *b, int i, int j, int d[][LONGEST + 1])
{
    bool same = lower(a[i - 1]) == lower(b[j - 1]);
    int best = least(d[i - 1][j - 1] + !same, least(d[i - 1][j], d[i][j - 1]) + 1);
    bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
    return swapped ? least(best, d[i - 2][j - 2] + 1) : best;
}

static int distance(const char *a, int n, const char *b, int m)
{
    int d[LONGEST + 1][LONGEST + 1];
    for (int i = 0; i <= n; i++) d[i][0] = i;
    for (int j = 0; j <= m; j++) d[0][j] = j;
    for (int i = 1; i <= n; i++)
        for (int j = 1; j <= m; j++) d[i][j] = cell(a, b, i, j, d);
    return d[n][m];
}

/* The longest that the name begins with, as the first of its parts. */
static const char *first_part(const char *name, const char *const *candidates, int count)
{
    const char *part = NULL;
    size_t longest = 2; /* letters, which are no part yet */
    for (int i = 0; i < count; i++) {
        const size_t length = strlen(candidates[i]);
        if (length <= longest || strncmp(name, candidates[i], length) != 0 || name[length] != '_') continue;
        longest = length;
        part = candidates[i];
    }
    return part;
}

const char *nearest_name(const char *name, const char *const *candidates, int count)
{
    size_t length = strlen(name);
    const char *nearest = NULL;
    int best = LONGEST;
    if (length == 0 || length > LONGEST) return NULL;
    for (int i = 0; i < count; i++) {
        size_t other = strlen(candidates[i]);
        if (other > LONGEST) continue;
        int steps = distance(name, (int)length, candidates[i], (int)other);
        int longer = (int)(length > other ? length : other);
        if (steps < best && steps * 3 <= longer) {
            best = steps;
            nearest = candidates[i];
        }
    }
    return nearest ? nearest : first_part(name, candidates, count);
}

bool name_is_one_of(const char *name, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}
