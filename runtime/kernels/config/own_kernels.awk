# own_kernels.awk: the kernels whose code differs between two targets' pages, one a line.
#
#     awk -f own_kernels.awk BASE.i PAGE.i
#
# Both files are library_table.h as the preprocessor leaves it (cc -E -P), with one page and the
# other.  A kernel differs if its text in PAGE.i does, or that of anything it names there, or what
# these name, and so on.  All others need not be compiled a second time.
#
# The text is cut into its top-level items.  Each defines a name (a struct its tag as well, an enum
# its constants) and uses every word in it.

function without_strings(text)
{
    gsub(/"([^"\\]|\\.)*"/, "\"\"", text)
    gsub(/'([^'\\]|\\.)+'/, "0", text)
    return text
}

# How many more brackets a line opens than it closes.
function nesting(line)
{
    return gsub(/[({[]/, "", line) - gsub(/[])}]/, "", line)
}

# Without each `word` and the parentheses that follow it.
function without_arguments(text, word)
{
    gsub(/\n/, " ", text)
    while (match(text, word " *\\("))
        text = substr(text, 1, RSTART - 1) " " behind_parenthesis(substr(text, RSTART + RLENGTH))
    return text
}

# What follows the parenthesis that closes one that is open already.
function behind_parenthesis(text,    depth, i, c)
{
    depth = 1
    for (i = 1; depth > 0 && i <= length(text); i++) {
        c = substr(text, i, 1)
        depth += (c == "(") - (c == ")")
    }
    return substr(text, i)
}

function last_word(text)
{
    gsub(/\[[^]]*\]/, "", text)
    sub(/[^A-Za-z0-9_]*$/, "", text)
    sub(/^.*[^A-Za-z0-9_]/, "", text)
    return text
}

# The names that an item defines, between blanks.
function names_of(text,    names, inside, count, constants, i)
{
    text = without_arguments(without_strings(text), "__attribute__")
    if (text ~ /^ *_Static_assert/) return ""
    if (text ~ /^[^{=]*\(/) { # a function, or typedef int (*name)(…)
        if (match(text, /^ *typedef [^(]*\( *\* *[A-Za-z0-9_]+/)) return last_word(substr(text, 1, RLENGTH))
        sub(/ *\(.*/, "", text)
        return last_word(text)
    }
    names = ""
    if (match(text, /(struct|union|enum) *[A-Za-z0-9_]* *\{/)) {
        inside = substr(text, RSTART, RLENGTH - 1)
        if (inside ~ / [A-Za-z0-9_]+ *$/) names = last_word(inside)
        if (text ~ /^ *(typedef )? *enum/) {
            inside = text
            sub(/^[^{]*\{/, "", inside)
            sub(/\}[^}]*$/, "", inside)
            count = split(inside, constants, ",")
            for (i = 1; i <= count; i++) {
                sub(/=.*/, "", constants[i])
                names = names " " last_word(constants[i])
            }
        }
        sub(/^.*\}/, "", text)
    }
    sub(/=.*/, "", text)
    return names " " last_word(text)
}

function finish_item(    words, count, i, j, names)
{
    gsub(/[ \t]+/, " ", item)
    if (NR == FNR) {
        base[item] = 1
    } else {
        items++
        item_names[items] = names_of(item)
        if (!(item in base)) pending[++waiting] = items
        if (item ~ /nn_symbol [A-Za-z0-9_]+\[\] *=/) table = item
        words = without_strings(item)
        gsub(/[^A-Za-z0-9_]+/, " ", words)
        count = split(words, names, " ")
        for (i = 1; i <= count; i++)
            if (names[i] !~ /^[0-9]/ && seen[names[i]] != items) {
                seen[names[i]] = items
                users[names[i]] = users[names[i]] " " items
            }
    }
    item = ""
    depth = 0
}

{
    item = item $0 "\n"
    line = without_strings($0)
    depth += nesting(line)
    if (depth == 0 && (line ~ /[;}] *$/ || line ~ /^#/)) finish_item()
}

# From what differs to what uses it.
END {
    for (i = 1; i <= waiting; i++) queued[pending[i]] = 1
    for (i = 1; i <= waiting; i++) {
        count = split(item_names[pending[i]], names, " ")
        for (j = 1; j <= count; j++) {
            differs[names[j]] = 1
            uses = split(users[names[j]], numbers, " ")
            for (k = 1; k <= uses; k++)
                if (!(numbers[k] in queued)) {
                    queued[numbers[k]] = 1
                    pending[++waiting] = numbers[k]
                }
        }
    }
    while (match(table, /\{"[A-Za-z0-9_]+"/)) {
        name = substr(table, RSTART + 2, RLENGTH - 3)
        if (name in differs && name != "nn_target_sizes") print name
        table = substr(table, RSTART + RLENGTH)
    }
}
