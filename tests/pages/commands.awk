# The commands in the fences of a page: KIND, a tab, COMMAND.  A fence that begins with `$ ` is a
# session; what does not begin so in it is output.  One that begins with the name of a program has
# nothing but commands, which may go on after a backslash and end in a comment.
BEGIN { programs = "^(nnc|cc|gcc|g[+][+]|clang|tcc|make|apt|apt-get|sudo|python3|pip|sqlite3|sh|bash|git|curl|wget|tar|cd|cp|mkdir|export|[.]/[^ ]*|[A-Z_]+=[^ ]+) " }
/^ *```/ {
    inside = !inside
    first = 1
    shell = /^ *```(sh|bash|shell|console)?$/
    next
}
!inside || !shell { next }
first {
    kind = /^\$ / ? "session" : /^ *```(sh|bash|shell|console)$/ || $0 " " ~ programs ? "command" : ""
    first = 0
}
kind == "session" && sub(/^\$ /, "") { print "session\t" $0 }
kind == "command" {
    sub(/  +#.*/, "")
    if (sub(/\\$/, "")) { begun = begun $0; next }
    if (begun $0 != "") print "command\t" begun $0
    begun = ""
}
