#!/bin/sh
# Installs the system libraries that Qt needs where they are missing and may be installed (Debian
# or Ubuntu, as root or with sudo that asks for no password); elsewhere it says what to install.
#   .ci/qt-libraries.sh         what the window needs, and its tests without a screen
#   .ci/qt-libraries.sh xvfb    also what its tests with real mouse and key events need
# A build never fails here: a test that misses a library says so itself.

[ "$(uname -s)" = Linux ] || exit 0

wanted="
libxkbcommon.so.0:libxkbcommon0 libEGL.so.1:libegl1 libGL.so.1:libgl1
libfontconfig.so.1:libfontconfig1 libglib-2.0.so.0:libglib2.0-0 libdbus-1.so.3:libdbus-1-3
"
programs=""
if [ "$1" = xvfb ]; then
    wanted="$wanted
    libxkbcommon-x11.so.0:libxkbcommon-x11-0 libX11-xcb.so.1:libx11-xcb1
    libxcb-cursor.so.0:libxcb-cursor0 libxcb-icccm.so.4:libxcb-icccm4
    libxcb-image.so.0:libxcb-image0 libxcb-keysyms.so.1:libxcb-keysyms1
    libxcb-randr.so.0:libxcb-randr0 libxcb-render-util.so.0:libxcb-render-util0
    libxcb-shape.so.0:libxcb-shape0 libxcb-shm.so.0:libxcb-shm0 libxcb-sync.so.1:libxcb-sync1
    libxcb-util.so.1:libxcb-util1 libxcb-xfixes.so.0:libxcb-xfixes0
    "
    programs="Xvfb:xvfb xdotool:xdotool"
fi

# ldconfig is not on every user's path.
known=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null)
missing=""
for pair in $wanted; do
    case "$known" in
        *"${pair%%:*} "*) ;;
        *) missing="$missing ${pair#*:}" ;;
    esac
done
for pair in $programs; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0

as_root=""
may_install=no
if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ]; then
        may_install=yes
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root="sudo -n"
        may_install=yes
    fi
fi
if [ "$may_install" = yes ]; then
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    # shellcheck disable=SC2086  # lists of words
    if { $as_root apt-get update && $as_root apt-get install -y --no-install-recommends $missing; } \
        >"$log" 2>&1; then
        echo "installed for the window's tests:$missing"
        rm -f "$log"
        exit 0
    fi
    tail -n 5 "$log"
    rm -f "$log"
fi
echo "Qt misses system libraries; install$missing (names as in Debian 12), for example:" \
    "sudo apt-get install$missing"
exit 0
