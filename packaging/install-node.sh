#!/bin/sh
# Makes this machine a node of a Berth, or brings it to the control server's version. Run as root; twice is once.
#
# `berth hypervisor token` prints the whole command. Options after `sh -s --`:
#   --control URL    the control server, https://host[:port]
#   --pin PIN        of its certificate's key, sha256//...: nothing is taken from anybody else
#   --address IP     at which the control server reaches this node; by default the one from which this node reaches it
#   --port N         of the agent, 8892 by default
#   --bridge NAME    that guests are attached to; it must be there. By default the only bridge of this machine
# The one-time token is read from BERTH_ENROLMENT_TOKEN, so that it is in no list of processes.
#
# What it changes: missing Debian packages, /usr/local/bin/berth, /var/lib/berth/agent, and a unit of systemd where that
# runs. It never touches bridges, uplinks, addresses or routes.
set -eu

berth=/usr/local/bin/berth
data=/var/lib/berth/agent
config=$data/agent.toml
unit=/etc/systemd/system/berth-agent.service
log=/var/log/berth-agent.log
packages="ca-certificates curl dnsmasq-base iproute2 libvirt-daemon-system nftables ovmf qemu-system-x86 qemu-utils
  swtpm swtpm-tools"

say() { printf '%s\n' "$*"; }
fail() { printf 'berth: %s\n' "$*" >&2; exit 1; }
# Whether a word consists of these characters only, and of some.
is_of() { case $2 in '' | *[!$1]*) return 1 ;; esac; }

read_options() {
  control= pin= address= port=8892 bridge=
  while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || fail "$1 needs a value"
    case $1 in
      --control) control=${2%/} ;;
      --pin) pin=$2 ;;
      --address) address=$2 ;;
      --port) port=$2 ;;
      --bridge) bridge=$2 ;;
      *) fail "there is no option $1" ;;
    esac
    shift 2
  done
  case $control in https://?*) ;; *) fail "--control must be https://host[:port]" ;; esac
  host_port=${control#https://}
  is_of ']A-Za-z0-9.:[_-' "$host_port" || fail "--control must be https://host[:port]"
  case $pin in sha256//?*) ;; *) fail "--pin must be sha256//..." ;; esac
  is_of 'A-Za-z0-9+/=' "${pin#sha256//}" || fail "--pin must be sha256//..."
  is_of '0-9' "$port" && [ ${#port} -le 5 ] && [ "$port" -ge 1 ] && [ "$port" -le 65535 ] || fail "--port must be 1 to 65535"
  [ -z "$address" ] || is_of '0-9A-Fa-f.:' "$address" || fail "--address must be an IP address"
  case $bridge in -*) fail "--bridge must be a bridge's name" ;; esac
  [ -z "$bridge" ] || is_of 'A-Za-z0-9_.-' "$bridge" || fail "--bridge must be a bridge's name"
}

# What can be known before anything is changed.
check_machine() {
  [ "$(id -u)" = 0 ] || fail "this needs root"
  command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
    fail "only Debian and its kind are served: here packages can't be installed by apt"
  if joined; then return; fi
  is_of 'A-Za-z0-9.' "${BERTH_ENROLMENT_TOKEN:-}" ||
    fail "BERTH_ENROLMENT_TOKEN must hold a token: 'berth hypervisor token' makes one"
  [ ! -e "$config" ] || return 0
  find_bridge
}

joined() { [ -e "$data/identity/names.json" ]; }

find_bridge() {
  if [ -n "$bridge" ]; then
    [ -d "/sys/class/net/$bridge/bridge" ] || fail "there is no bridge $bridge on this machine"
    return
  fi
  found=
  for path in /sys/class/net/*/bridge; do
    [ -d "$path" ] || continue
    name=${path%/bridge}
    name=${name##*/}
    case $name in virbr* | docker* | br-*) continue ;; esac
    found="$found $name"
  done
  case $found in
    '') fail "this machine has no bridge that guests could be attached to: make one, or write $config first" ;;
    ' '*' '*) fail "this machine has several bridges: say which one guests are attached to, --bridge one of:$found" ;;
  esac
  bridge=${found# }
  is_of 'A-Za-z0-9_.-' "$bridge" || fail "the bridge $bridge has a name that can't be used"
}

install_packages() {
  missing=
  for package in $packages; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  say "Installing Debian packages:$missing"
  apt-get update -q=2
  # Word by word: the list is this script's own.
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 \
    -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold $missing
}

# From the one server whose key is the pinned one, whatever its certificate says otherwise.
fetch() { curl -fsS --insecure --pinnedpubkey "$pin" --max-time 1800 --max-filesize 536870912 -o "$2" "$control$1"; }

install_berth() {
  part=$(mktemp -d /usr/local/bin/.berth.XXXXXX)
  trap 'rm -rf "$part"' EXIT
  fetch /node/agent.sha256 "$part/sum" || fail "$control did not answer, or is not the server of this command"
  read -r wanted name <"$part/sum" || fail "the control server's answer can't be read"
  is_of '0-9a-f' "$wanted" && [ ${#wanted} = 64 ] || fail "the control server's answer holds no checksum"
  case $name in *-"$(uname -m)") ;; *) fail "the control server has $name, and this machine is $(uname -m)" ;; esac
  if [ -x "$berth" ] && [ "$(sha256sum "$berth" | cut -d ' ' -f 1)" = "$wanted" ]; then
    return 0
  fi
  say "Downloading $name."
  fetch /node/agent "$part/berth"
  [ "$(sha256sum "$part/berth" | cut -d ' ' -f 1)" = "$wanted" ] || fail "the download is not what it should be"
  chmod 755 "$part/berth"
  "$part/berth" --version >/dev/null || fail "$name does not run here: is this an older Debian than the control server's?"
  # So that `berth uninstall` knows that it may take the program away.
  mkdir -p "$data"
  : >"$data/installed"
  mv -f "$part/berth" "$berth"
  is_new=yes
}

write_config() {
  mkdir -p "$data"
  [ ! -e "$config" ] || return 0
  printf 'listen = "0.0.0.0:%s"\n\n[[network]]\nbridge = "%s"\n' "$port" "$bridge" >"$config.part"
  mv "$config.part" "$config"
  say "Wrote $config: guests are attached to $bridge, which stays as it is."
}

# The address from which this node reaches the control server.
own_address() {
  host=${host_port#\[}
  case $host_port in \[*) host=${host%%\]*} ;; *) host=${host%%:*} ;; esac
  target=$(getent ahosts "$host" | { read -r first rest && printf '%s' "$first"; }) || fail "$host is no known host"
  ip -o route get "$target" | sed -n 's/.* src \([^ ]*\).*/\1/p'
}

enrol() {
  if joined; then return; fi
  [ -n "$address" ] || address=$(own_address)
  [ -n "$address" ] || fail "no way to the control server was found: give --address"
  say "Joining as $address (this tries whether KVM works)."
  "$berth" agent enrol --config "$config" --control "$control" --address "$address"
}

start() {
  if [ -d /run/systemd/system ]; then
    "$berth" agent unit >"$unit.part"
    mv "$unit.part" "$unit"
    systemctl daemon-reload
    systemctl enable -q libvirtd.service berth-agent.service
    systemctl start libvirtd.service
    if [ -n "$is_new" ]; then systemctl restart berth-agent.service; else systemctl start berth-agent.service; fi
    say "The agent runs as berth-agent.service."
    return
  fi
  start_libvirt
  running=$(agent_pid)
  if [ -n "$running" ] && [ -z "$is_new" ]; then
    say "The agent runs already (process $running)."
    return
  fi
  if [ -n "$running" ]; then
    kill "$running"
    wait_until agent_is_gone || fail "the agent of before (process $running) does not end"
  fi
  setsid "$berth" agent run --config "$config" </dev/null >>"$log" 2>&1 &
  say "No service manager runs here: the agent was started (its log is $log), and nothing starts it after a reboot."
}

start_libvirt() {
  [ ! -S /run/libvirt/libvirt-sock ] || return 0
  say "No service manager runs here: starting virtlogd and libvirtd."
  setsid virtlogd -d </dev/null >/dev/null 2>&1
  setsid libvirtd -d </dev/null >/dev/null 2>&1
  wait_until test -S /run/libvirt/libvirt-sock || fail "libvirtd does not answer; see its log"
}

# The process that runs with this configuration, and not one in a container, whose file of that name is another.
agent_pid() {
  for dir in /proc/[0-9]*; do
    [ "$(readlink "$dir/ns/mnt" 2>/dev/null)" = "$(readlink /proc/self/ns/mnt)" ] || continue
    words=$(tr '\000' ' ' <"$dir/cmdline" 2>/dev/null) || continue
    case $words in *"berth agent run --config $config "*) printf '%s' "${dir#/proc/}"; return ;; esac
  done
}

agent_is_gone() { [ ! -e "/proc/$running" ]; }

wait_until() {
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ "$tries" -lt 150 ] || return 1
    sleep 0.2
  done
}

# All of it is read before anything is done, so that half a download does nothing.
main() {
  is_new=
  read_options "$@"
  check_machine
  install_packages
  install_berth
  write_config
  enrol
  start
  say "Done. 'berth hypervisor list' shows this node; the control server must reach port $port of it."
}

main "$@"
