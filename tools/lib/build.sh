# shellcheck shell=bash disable=SC2034,SC2154
# Sourced after install.sh: the one place that knows how the package is built.

# Release: what users run. The Swift libraries are linked in: the program then runs where no Swift is installed, and
# starts some 2 ms sooner. The C libraries stay shared.
release_flags=(-c release)
case $(uname -s) in
Linux) release_flags+=(--static-swift-stdlib) ;;
esac

# What tests run: debug, or, after use_release_tests, what users run (-O, vectors, unchecked pointers). The second is
# built in a folder of its own, since -enable-testing would make each of the two builds undo the other.
test_flags=(-c debug)
use_release_tests() {
    test_flags=(-c release -Xswiftc -enable-testing --scratch-path "$root/.build/release-tests")
    export REPRISE_BINARY=$root/.build/release-tests/release/reprise
}

# The built program; the trainer lies beside it.
reprise_binary=$root/.build/release/reprise

# build_release: the program and its siblings. The trainer is built where LIBTORCH names a libtorch.
build_release() {
    swift_build "${release_flags[@]}" --product reprise
    swift_build "${release_flags[@]}" --product reprise-serve
    if [ -n "${LIBTORCH:-}" ]; then
        swift_build "${release_flags[@]}" --product reprise-train
    fi
}

# prepare_and_build: looks for what users run needs, and builds it; the trainer too, where libtorch can be had.
prepare_and_build() {
    say 'Looking for what is needed'
    prepare
    install_libtorch || true
    note "$(swift --version 2>/dev/null | head -n 1)"
    if [ -x "$reprise_binary" ]; then
        say 'Building reprise'
    else
        say 'Building reprise (the first time takes some minutes)'
    fi
    build_release
}

# build_tests: everything, tests included.
build_tests() {
    swift_build "${test_flags[@]}" --build-tests
}

# run_tests [ARGUMENTS of swift test]: what build_tests built. That a test starts is no news, in as many lines as its
# arguments have; the whole output is in the log.
run_tests() {
    mkdir -p "$root/.build/logs"
    swift test --package-path "$root" "${test_flags[@]}" --skip-build --disable-xctest "$@" </dev/null 2>&1 |
        tee "$root/.build/logs/test.log" |
        awk '/^(✔|✘|➜|↳|error)|Fatal error/ { starting = 0 }
            /^◇/ || starting { starting = !/ started\.$/; next }
            { print; fflush() }'
}

# run_package_tests: those of the Python package, by the Python of .venv. They call the program that REPRISE_BINARY names,
# else the one that was built last. Each test that is skipped is listed with the reason.
run_package_tests() {
    can_test_package || install_package_tests || return 0
    (cd "$root/tools/python" && "$package_python" -B -m pytest --quiet -rs -p no:cacheprovider tests </dev/null)
}

# run_tool_tests: those of the tools, by the Python of .venv, with the same program. What is skipped is listed by its reason.
run_tool_tests() {
    local log=$root/.build/logs/tools.log python=$package_python status=0
    install_tool_tests
    [ -x "$python" ] || python=python3
    PATH=$servers_path quietly "$log" \
        "$python" -B -m unittest discover --verbose --start-directory "$root/tools/tests" || status=$?
    note "$(grep '^Ran ' "$log" || echo 'no test ran')"
    sed -n "s/.* \.\.\. skipped ['\"]\(.*\)['\"]$/\1/p" "$log" | sort | uniq -c |
        while read -r count reason; do
            note "$count skipped: $reason"
        done
    [ "$status" -eq 0 ] || note "all of it: $log"
    return "$status"
}

# swift_build ARGUMENTS: progress while it runs, the compiler's words on a failure only; all of them are in the log.
swift_build() {
    local log=$root/.build/logs/build.log
    mkdir -p "$root/.build/logs"
    swift build --package-path "$root" "$@" </dev/null 2>&1 | tee "$log" | show_progress && return 0
    grep -v -E '^\[[0-9]+/[0-9]+\] ' "$log" | tail -n 40 >&2
    stop 'the build failed; the compiler says why above' "all of it: $log"
}

# show_progress: of what `swift build` prints, its steps "[12/340] Compiling …": on a terminal one line that is written
# over, elsewhere a line every half minute.
show_progress() {
    local line width=80 start=$SECONDS next=30 step=''
    [ ! -t 1 ] || width=$(tput cols 2>/dev/null || echo 80)
    while IFS= read -r line; do
        case $line in
        \[*/*\]\ *) step=${line%%]*}] ;;
        Fetch* | Creating\ working\ copy*) step='fetching packages' line="    $line" ;;
        *) continue ;;
        esac
        if [ -t 1 ]; then
            printf '\r\e[K%s%s%s' "$dim" "${line:0:width-1}" "$plain"
        elif [ $((SECONDS - start)) -ge "$next" ]; then
            note "compiling: $step after $((SECONDS - start)) s"
            next=$((SECONDS - start + 30))
        fi
    done
    [ ! -t 1 ] || printf '\r\e[K'
}

# lint_format: every Swift file of ours, strictly.
lint_format() {
    swift format lint --strict --parallel --recursive \
        "$root/Package.swift" "$root/Sources" "$root/Tests" </dev/null
}

# lint_words: no phrase of tools/lib/words.txt in anything that a person reads, and no overlong line in the docs.
lint_words() {
    if command -v python3 >/dev/null; then
        python3 "$root/tools/lib/words.py" "$root"
    else
        note 'python3 is not installed; the words are not checked'
    fi
}
