# shellcheck shell=bash disable=SC2154
# Sourced after install.sh and build.sh: lays out what an installation consists of.

# generate_manual: swift-argument-parser's own program, built once.
generate_manual() {
    local parser=$root/.build/checkouts/swift-argument-parser
    if [ ! -x "$root/.build/manual/debug/generate-manual" ]; then
        quietly "$root/.build/logs/manual.log" swift build --package-path "$parser" \
            --scratch-path "$root/.build/manual" --product generate-manual
    fi
    "$root/.build/manual/debug/generate-manual" "$@"
}

# programs: those that are built.
programs() {
    local name
    for name in reprise reprise-serve reprise-train; do
        [ ! -x "${reprise_binary%/*}/$name" ] || printf '%s\n' "$name"
    done
}

# stage_completions FOLDER: one script a shell; the options of `reprise train` are known to reprise-train alone.
stage_completions() {
    local shell name built=${reprise_binary%/*} file
    for shell in bash zsh fish; do
        case $shell in
        bash) file=$1/bash-completion/completions/reprise ;;
        zsh) file=$1/zsh/site-functions/_reprise ;;
        fish) file=$1/fish/vendor_completions.d/reprise.fish ;;
        esac
        mkdir -p "${file%/*}"
        "$reprise_binary" --generate-completion-script "$shell" >"$file"
        for name in $(programs); do
            [ "$name" != reprise ] || continue
            "$built/$name" --generate-completion-script "$shell" >"$file.sibling"
            awk -f "$root/tools/lib/completions.awk" "$file.sibling" "$file" >"$file.merged"
            mv "$file.merged" "$file"
            rm "$file.sibling"
        done
    done
}

# stage_manual FOLDER: reprise.1, and a page for each subcommand, as git names them: reprise-build.1.
stage_manual() {
    local name page work=$1/.work
    for name in $(programs); do
        mkdir -p "$work/$name"
        generate_manual "${reprise_binary%/*}/$name" --section 1 --multi-page --date "$released" \
            --output-directory "$work/$name"
        for page in "$work/$name"/*.1; do
            [ "$name" = reprise ] || case ${page##*/} in reprise.1 | reprise.help.1) continue ;; esac
            name_pages <"$page" >"$1/$(basename "$page" .1 | tr . -).1"
        done
    done
    rm -rf "$work" "$1/reprise-help.1"
}

# name_pages: in a page's header, and where it refers to others.
name_pages() {
    sed -e '/^\.Dt /s/\([A-Z]\)\.\([A-Z]\)/\1-\2/g' -e '/^\.Xr /s/\([a-z]\)\.\([a-z]\)/\1-\2/g'
}

# stage FOLDER: bin, share, the licences of what is linked in, and the installer.
stage() {
    local folder=$1 name package file
    released=$(git -C "$root" log -1 --format=%cs 2>/dev/null || date +%F)
    rm -rf "$folder"
    mkdir -p "$folder/bin" "$folder/share/man/man1" "$folder/share/doc/reprise/licences"
    for name in $(programs); do
        # Without the debugger's data; the names that a crash report needs stay.
        strip --strip-debug -o "$folder/bin/$name" "${reprise_binary%/*}/$name"
    done
    stage_completions "$folder/share"
    stage_manual "$folder/share/man/man1"
    cp "$root/README.md" "$root/CHANGELOG.md" "$root/LICENSE" "$folder/share/doc/reprise/"
    for package in "$root"/.build/checkouts/*/; do
        for file in "$package"LICENSE*; do
            [ ! -f "$file" ] || cp "$file" "$folder/share/doc/reprise/licences/$(basename "$package")"
        done
    done
    cp "$root/Sources/Insight/Report/chart.min.js.LICENSE" "$folder/share/doc/reprise/licences/chart.js"
    cp "$root/tools/lib/installer" "$folder/install"
}
