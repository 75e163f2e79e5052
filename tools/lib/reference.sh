# shellcheck shell=bash disable=SC2154
# Sourced after build.sh: the reference of the modules, by docc.

# Where docc lies: in the PATH, or beside the real swift.
docc_path() {
    local swift
    swift=$(readlink -f "$(command -v swift)" 2>/dev/null || command -v swift)
    command -v docc || echo "$(dirname "$swift")/docc"
}

# document_modules: the reference of each library module, made from its public declarations, in
# .build/docs/MODULE.doccarchive. A broken link, a misnamed parameter or a faulty catalogue is an error. The modules must be
# built.
document_modules() {
    local work=$root/.build/docs docc folder module map status=0
    local -a maps=() flags=() catalogue
    docc=$(docc_path)
    for map in "$root"/Sources/*/module.modulemap "$root"/.build/checkouts/*/Sources/*/module.modulemap \
        "$root"/.build/checkouts/*/Sources/*/include/module.modulemap "$root"/.build/debug/*.build/module.modulemap \
        "$root"/.build/checkouts/*/*/include/module.modulemap; do
        if [ -f "$map" ]; then
            maps+=(-Xcc "-fmodule-map-file=$map")
        fi
    done
    # shellcheck disable=SC2046  # flags are words
    read -r -a flags <<<"$(pkg-config --cflags $(library_modules) 2>/dev/null)"
    for map in ${flags[@]+"${flags[@]}"}; do
        maps+=(-Xcc "$map")
    done
    rm -rf "${work:?}"
    for folder in "$root"/Sources/[A-Z]*/; do
        module=$(basename "$folder")
        if [ -z "$(find "$folder" -name '*.swift' -print -quit)" ]; then
            continue
        fi
        mkdir -p "$work/$module"
        if ! swift symbolgraph-extract -module-name "$module" -I "$root/.build/debug/Modules" ${maps[@]+"${maps[@]}"} \
            -target "$(swift -print-target-info | sed -n 's/^ *"triple": "\(.*\)",$/\1/p')" \
            -minimum-access-level public -skip-synthesized-members -output-dir "$work/$module"; then
            note "$module: its declarations cannot be read"
            status=1
            continue
        fi
        catalogue=()
        if [ -d "$folder$module.docc" ]; then
            catalogue=("$folder$module.docc")
        fi
        "$docc" convert ${catalogue[@]+"${catalogue[@]}"} --fallback-display-name "$module" \
            --fallback-bundle-identifier "reprise.$module" --additional-symbol-graph-dir "$work/$module" \
            --output-path "$work/$module.doccarchive" --warnings-as-errors >"$work/$module.log" 2>&1 || {
            cat "$work/$module.log"
            status=1
        }
    done
    return "$status"
}

# make_site FOLDER: what document_modules made, and the pages of docs, as one static site.
make_site() {
    local work=$root/.build/docs docc
    local -a archives
    docc=$(docc_path)
    archives=("$work"/*.doccarchive)
    python3 "$root/tools/lib/articles.py" "$root/docs" "$work/Reprise.docc" "${archives[@]}"
    "$docc" convert "$work/Reprise.docc" --fallback-display-name Reprise --fallback-bundle-identifier reprise \
        --output-path "$work/Reprise.doccarchive" --warnings-as-errors
    "$docc" merge "$work/Reprise.doccarchive" "${archives[@]}" --synthesized-landing-page-name Reprise \
        --output-path "$work/site"
    "$docc" process-archive transform-for-static-hosting "$work/site"
    rm -rf "${1:?}"
    mv "$work/site" "$1"
    # The first page of an archive is below.
    printf '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=documentation/reprise/">\n' \
        >"$1/index.html"
}
