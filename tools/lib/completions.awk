# awk -f completions.awk SIBLING ROOT: the completion script of `reprise`, with what a sibling program (reprise-train,
# reprise-serve) says of its subcommands in place of what `reprise` knows of them, which is their names. All three are
# written by swift-argument-parser for a command named `reprise`, so their functions have the same names.

function subcommand(line) {    # of a line of fish that completes `reprise NAME …`, else nothing
    if (match(line, /"reprise [a-z]+[ "]/)) return substr(line, RSTART + 9, RLENGTH - 10)
    return ""
}

FNR == 1 { file++ }

# bash and zsh: functions, from _reprise_NAME() { to the brace in the first column.
/^_reprise_[a-z]+\(\) \{/ {
    name = $1
    sub(/\(\).*/, "", name)
    if (name != "_reprise_help") inside = name
}
file == 1 && inside { body[inside] = body[inside] $0 "\n" }
file == 2 && inside && inside in body {
    if (/^\}/) { printf "%s", body[inside]; inside = "" }
    next
}
/^\}/ { inside = "" }

# fish: the line after each case, and the lines `complete`.
/^ +case '[a-z]+'$/ { word = $2; gsub(/'/, "", word); pending = word; if (file == 2) print; next }
pending {
    if (file == 1 && pending != "help" && pending != "reprise") options[pending] = $0
    if (file == 2 && pending in options) { print options[pending]; pending = ""; next }
    pending = ""
}
/^complete / && (name = subcommand($0)) != "" && name != "help" {
    if (file == 1) { lines[name] = lines[name] $0 "\n"; next }
    if (name in lines) {
        if (!(name in written)) printf "%s", lines[name]
        written[name] = 1
        next
    }
}
file == 2 { print }
