# shellcheck shell=bash disable=SC2034
# Sourced by the commands in tools/: where the repository is, how we speak, and what must be installed.
# Nothing is installed that is there already, and then nothing touches the network.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# Colour only on a terminal, and never where NO_COLOR asks for none.
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
else
    bold='' dim='' plain=''
fi

# say TEXT: a step begins.   note TEXT: a detail of it.   stop TEXT…: the end, one line a word of TEXT.
say() { printf '%s==> %s%s\n' "$bold" "$*" "$plain"; }
note() { printf '    %s\n' "$*"; }
stop() {
    printf 'error: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
    exit 1
}

# quietly LOG COMMAND…: runs it with its output kept in LOG; shows the end of that only if it fails.
quietly() {
    local log=$1 status=0
    shift
    mkdir -p "$(dirname "$log")"
    "$@" </dev/null >"$log" 2>&1 || status=$?
    [ "$status" -eq 0 ] || tail -n 40 "$log" >&2
    return "$status"
}

# The C libraries: how pkg-config calls each, and the package that brings it on Debian and Ubuntu, on macOS
# (Homebrew), on Fedora and on Arch.
libraries='
sndfile     libsndfile1-dev    libsndfile     libsndfile-devel     libsndfile
libmpg123   libmpg123-dev      mpg123         mpg123-devel         mpg123
samplerate  libsamplerate0-dev libsamplerate  libsamplerate-devel  libsamplerate
soxr        libsoxr-dev        libsoxr        soxr-devel           libsoxr
fftw3f      libfftw3-dev       fftw           fftw-devel           fftw
libebur128  libebur128-dev     libebur128     libebur128-devel     libebur128
libpng      libpng-dev         libpng         libpng-devel         libpng
zlib        zlib1g-dev         zlib           zlib-devel           zlib
sqlite3     libsqlite3-dev     sqlite         sqlite-devel         sqlite
libcurl     libcurl4-openssl-dev curl         libcurl-devel        curl
'

# Their names for pkg-config.
library_modules() { awk '{print $1}' <<<"$libraries"; }

# Prints the COLUMN (2 to 5) of each library that pkg-config does not find; all of them if there is no pkg-config.
missing_libraries() {
    local column=$1 module rest
    while read -r module rest; do
        [ -n "$module" ] || continue
        if ! command -v pkg-config >/dev/null || ! pkg-config --exists "$module"; then
            printf '%s %s\n' "$module" "$rest" | awk -v c="$column" '{print $c}'
        fi
    done <<<"$libraries"
}

# Sets `elevate` to what runs a command as root: nothing for root, else sudo, which must not ask where nobody answers.
find_root() {
    elevate=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || stop "this needs root, and there is no sudo; run as root: $*"
        if [ -t 0 ]; then
            sudo -v || stop "this needs root; run first: sudo $*"
        else
            sudo -n true 2>/dev/null || stop "this needs root, and sudo would ask for a password; run first: sudo $*"
        fi
        elevate=(sudo)
    fi
}

# apt_get ARGUMENTS…: as root, without questions, waiting for another apt to finish.
apt_get() {
    quietly "$root/.build/logs/apt.log" "${elevate[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y -o DPkg::Lock::Timeout=300 "$@"
}

apt_update() {
    find_root apt-get update
    apt_get update || note 'apt-get update failed; trying with the lists that are there'
}

# megabytes BYTES: in words, such as "1.4 MB".
megabytes() { awk -v n="$1" 'BEGIN {if (n < 1e6) printf "%.0f kB", n / 1e3; else printf "%.1f MB", n / 1e6}'; }

# download_size FILE…: the sum of the sizes that `apt-get --print-uris` lists: URI, file, bytes, hash.
download_size() { megabytes "$(awk '{sum += $3} END {printf "%.0f", sum}')"; }

# show_installation PACKAGES…: what apt would install, the packages that these depend on included, and the download.
show_installation() {
    local uris name
    uris=$(apt-get --print-uris -qq -y install --no-install-recommends "$@" 2>/dev/null) || return 0
    [ -n "$uris" ] || return 0
    note "apt installs $(wc -l <<<"$uris" | tr -d ' ') packages, a download of $(download_size <<<"$uris"):"
    while read -r name; do
        note "  $name"
    done < <(awk '{split($2, part, "_"); print part[1]}' <<<"$uris" | fold_words)
}

# fold_words: words from standard input, some to a line.
fold_words() { tr '\n' ' ' | fold -s -w 90 && echo; }

apt_install() {
    find_root apt-get install "$@"
    apt_update
    show_installation "$@"
    apt_get install --no-install-recommends "$@" || stop "apt-get could not install: $*" "its words are above"
}

install_libraries() {
    local missing
    missing=$(missing_libraries 2 | tr '\n' ' ')
    if [ -z "$missing" ]; then
        return
    fi
    if command -v apt-get >/dev/null; then
        command -v pkg-config >/dev/null || missing="pkg-config $missing"
        say "Installing $missing"
        # shellcheck disable=SC2086  # a list of words
        apt_install $missing
        missing=$(missing_libraries 1 | tr '\n' ' ')
        [ -z "$missing" ] || stop "pkg-config still does not find: $missing"
        return
    fi
    stop "libraries are missing (pkg-config does not find: $(missing_libraries 1 | tr '\n' ' ')); install them:" \
        "macOS:   brew install pkgconf $(missing_libraries 3 | tr '\n' ' ')" \
        "Fedora:  sudo dnf install pkgconf-pkg-config $(missing_libraries 4 | tr '\n' ' ')" \
        "Arch:    sudo pacman -S pkgconf $(missing_libraries 5 | tr '\n' ' ')" \
        "other:   the development packages of those libraries, and pkg-config"
}

# Swift 6.2 or later, on the PATH.
require_swift() {
    local where='get it at https://www.swift.org/install/ (swiftly installs it on Linux and macOS)' version
    command -v swift >/dev/null || stop 'there is no swift on the PATH; Swift 6.2 or later is needed' "$where"
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
    case $version in
    6.[01] | 6.[01].* | [0-5].* | '')
        stop "Swift 6.2 or later is needed, and this is ${version:-of an unknown version} ($(command -v swift))" \
            "$where"
        ;;
    esac
}

# libtorch is optional: without it all but the trainer is built. It comes with the torch wheel in .venv, unless LIBTORCH
# names the folder of another.
torch_packages='torch==2.13.0 numpy safetensors'

# find_libtorch: names the one in .venv, if it is there, to the build.
find_libtorch() {
    local torch
    [ -z "${LIBTORCH:-}" ] || return 0
    for torch in "$root"/.venv/lib/python3*/site-packages/torch; do
        if [ -d "$torch/lib" ]; then
            export LIBTORCH=$torch
        fi
    done
}

# install_libtorch: fetches it into .venv; false, having said why, where it cannot be had or is not wanted.
install_libtorch() {
    local log=$root/.build/logs/pip.log
    if [ "${REPRISE_TORCH:-yes}" = no ]; then
        note 'REPRISE_TORCH=no: the trainer is left out'
        return 1
    fi
    find_libtorch
    [ -z "${LIBTORCH:-}" ] || return 0
    say 'Fetching libtorch for the trainer (into .venv; REPRISE_TORCH=no leaves it out)'
    mkdir -p "$root/.build/logs"
    if ! make_venv "$log"; then
        note "python3 cannot make .venv, so the trainer is left out ($log says why)"
        return 1
    fi
    # shellcheck disable=SC2086  # a list of words
    if ! "$root/.venv/bin/python" -m pip install --progress-bar off $torch_packages </dev/null 2>&1 |
        tee -a "$log" | show_wheels; then
        note "pip cannot get torch here, so the trainer is left out ($log says why)"
        return 1
    fi
    find_libtorch
    [ -n "${LIBTORCH:-}" ]
}

# show_wheels: of pip's output, each wheel with its size as its download begins; the size depends on the platform. A
# wheel that is on this machine already has none.
show_wheels() {
    local verb what size
    while read -r verb what size; do
        if [ "$verb" = Downloading ] && [[ $what == *.whl ]]; then
            what=${what##*/}
            note "$(printf '%-14s %s' "${what%%-*}" "${size//[()]/}")"
        fi
    done
}

# make_venv LOG: .venv with pip. On Debian and Ubuntu the module for that is a package of its own.
make_venv() {
    [ ! -x "$root/.venv/bin/python" ] || "$root/.venv/bin/python" -m pip --version >>"$1" 2>&1 || rm -rf "$root/.venv"
    [ ! -x "$root/.venv/bin/python" ] || return 0
    command -v python3 >/dev/null || return 1
    python3 -m venv "$root/.venv" </dev/null >>"$1" 2>&1 && return 0
    rm -rf "$root/.venv"
    command -v apt-get >/dev/null || return 1
    (apt_install python3-venv) || return 1
    python3 -m venv "$root/.venv" </dev/null >>"$1" 2>&1
}

# Everything that a build needs.
prepare() {
    require_swift
    install_libraries
    find_libtorch
}

# The Python of the Python package's tests, and whether it has what they need at least.
package_python=$root/.venv/bin/python
can_test_package() {
    [ -x "$package_python" ] && "$package_python" -c 'import numpy, pytest, safetensors' >/dev/null 2>&1
}

# install_package_tests: what the tests of the Python package need, into .venv; false, having said why, where it cannot be
# had. The libraries that the package can also serve are fetched only beside torch; without them their tests are skipped.
install_package_tests() {
    local log=$root/.build/logs/pip.log
    local -a pip=("$package_python" -m pip install --progress-bar off --retries 1 --timeout 30)
    mkdir -p "$root/.build/logs"
    if ! make_venv "$log"; then
        note "python3 cannot make .venv, so the Python package is not tested ($log says why)"
        return 1
    fi
    if ! can_test_package && ! "${pip[@]}" numpy pytest safetensors </dev/null >>"$log" 2>&1; then
        note "pip cannot get numpy, pytest and safetensors, so the Python package is not tested ($log says why)"
        return 1
    fi
    if "$package_python" -c 'import torch' >/dev/null 2>&1 &&
        ! "$package_python" -c 'import miditok, pretty_midi, soundfile, symusic' >/dev/null 2>&1 &&
        ! "${pip[@]}" miditok pretty_midi soundfile symusic </dev/null >>"$log" 2>&1; then
        note "pip cannot get miditok, pretty_midi, soundfile and symusic, so some tests are skipped ($log says why)"
    fi
}

# install_axe: axe-core, which audits pages for accessibility, into .venv; false, having said why, where it cannot be had.
install_axe() {
    local log=$root/.build/logs/pip.log
    mkdir -p "$root/.build/logs"
    make_venv "$log" && "$package_python" -m pip install --progress-bar off --retries 1 --timeout 30 \
        axe-core-python==0.1.0 </dev/null >>"$log" 2>&1 && return 0
    note "pip cannot get axe-core-python, so pages are not audited for accessibility ($log says why)"
    return 1
}

# What the tests of the tools need besides Python's standard library, into .venv: the libraries that exports are for, dask,
# and moto, a server of S3. Of mirdata only the lists of files in its wheel are used.
tool_test_modules='boto3 datasets distributed flask mido mirdata moto pretty_midi pyarrow soundfile webdataset'
tool_test_packages='dask[distributed] datasets mido moto[server] numpy pretty_midi pyarrow soundfile webdataset'

# install_tool_tests: what is not there. What cannot be had is said, and so is each test that is skipped for it.
install_tool_tests() {
    local log=$root/.build/logs/pip.log
    local -a pip=("$package_python" -m pip install --progress-bar off --retries 1 --timeout 30)
    mkdir -p "$root/.build/logs"
    if ! make_venv "$log"; then
        note "python3 cannot make .venv, so tests that need other libraries are skipped ($log says why)"
    else
        # shellcheck disable=SC2086  # lists of words
        if ! has_modules $tool_test_modules &&
            ! { "${pip[@]}" $tool_test_packages && "${pip[@]}" --no-deps mirdata==0.3.8; } </dev/null >>"$log" 2>&1; then
            note "pip cannot get $tool_test_packages, so some tests are skipped ($log says why)"
        fi
    fi
    install_server nginx nginx
    install_server slurmctld slurmctld slurmd slurm-client
    # Three hosts are network namespaces, which root alone makes.
    if [ "$(id -u)" -eq 0 ] && ! command -v ip >/dev/null; then
        (apt_install iproute2) || note 'apt-get cannot get iproute2, so the test of three hosts is skipped'
    fi
}

# has_modules NAMES: whether the Python of .venv has them, without importing any.
has_modules() {
    "$package_python" -c 'import importlib.util as u, sys; sys.exit(any(u.find_spec(name) is None for name in sys.argv[1:]))' \
        "$@" 2>/dev/null
}

# Servers that tests start, of packages that are unpacked here: installing them would start the servers for good.
servers_folder=$root/.build/servers
servers_path=$PATH:/usr/sbin:/usr/local/sbin:$servers_folder/usr/sbin:$servers_folder/usr/bin

# install_server PROGRAM PACKAGES…: its packages, with those that they depend on and that are not installed.
install_server() {
    local program=$1
    shift
    PATH=$servers_path command -v "$program" "$program-wlm" >/dev/null && return
    if command -v apt-get >/dev/null; then
        mkdir -p "$servers_folder"
        unpack_packages "$@" </dev/null >"$root/.build/logs/servers.log" 2>&1 ||
            { (apt_update) && unpack_packages "$@"; } </dev/null >>"$root/.build/logs/servers.log" 2>&1 || true
    fi
    PATH=$servers_path command -v "$program" "$program-wlm" >/dev/null ||
        note "there is no $program, and apt-get cannot get it, so its tests are skipped ($root/.build/logs/servers.log)"
}

unpack_packages() (
    cd "$servers_folder" || return
    names=$(apt-get --print-uris -qq -y install --no-install-recommends "$@" | awk '{split($2, part, "_"); print part[1]}')
    # shellcheck disable=SC2086  # a list of words
    [ -n "$names" ] && apt-get -qq download $names || return
    for file in *.deb; do
        dpkg -x "$file" . && rm "$file" || return
    done
)
