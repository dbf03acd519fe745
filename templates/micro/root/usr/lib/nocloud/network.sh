# Network configuration version 2 (netplan's form): static addresses of both families, routes, resolvers, DHCPv4.
# shellcheck shell=sh
# shellcheck disable=SC2154 # $flat, $value and $found come from the other files.

configure_network() {
  root=network.ethernets
  children network-config "$root"
  if [ -z "$found" ]; then
    root=ethernets
    children network-config "$root"
  fi
  resolvers=
  domains=
  for id in $found; do
    configure_interface "$root.$id" "$id"
  done
  write_resolv_conf
}

# configure_interface PATH ID: the ID is the interface's name where no MAC address is given.
configure_interface() {
  at=$1
  device=$2
  if first_of network-config "$at.match.macaddress"; then
    find_device "$value" || {
      echo "no interface has the address $value"
      return 0
    }
  fi
  [ -e "/sys/class/net/$device" ] || {
    echo "no interface $device"
    return 0
  }
  if first_of network-config "$at.set-name"; then rename_device "$value"; fi
  if first_of network-config "$at.mtu"; then ip link set "$device" mtu "$value"; fi
  tune_ipv6
  ip link set "$device" up

  children network-config "$at.addresses"
  for n in $found; do
    get network-config "$at.addresses.$n"
    ip addr add "$value" dev "$device"
  done
  for key in gateway4 gateway6; do
    if first_of network-config "$at.$key"; then add_route default "$value"; fi
  done
  children network-config "$at.routes"
  for n in $found; do
    get network-config "$at.routes.$n.to"
    to=$value
    get network-config "$at.routes.$n.via"
    add_route "$to" "$value"
  done
  get network-config "$at.dhcp4"
  if is_true "$value"; then udhcpc -i "$device" -q -n -s /sbin/dhcp-script; fi

  children network-config "$at.nameservers.addresses"
  for n in $found; do
    get_line network-config "$at.nameservers.addresses.$n"
    resolvers="$resolvers$value$newline"
  done
  children network-config "$at.nameservers.search"
  for n in $found; do
    get_line network-config "$at.nameservers.search.$n"
    domains="$domains $value"
  done
}

# Sets $device to the interface with this MAC address.
find_device() {
  wanted=$(printf '%s' "$1" | tr 'A-F' 'a-f')
  for candidate in /sys/class/net/*; do
    read -r address <"$candidate/address"
    if [ "$address" = "$wanted" ]; then
      device=${candidate##*/}
      return 0
    fi
  done
  return 1
}

rename_device() {
  [ "$1" != "$device" ] || return 0
  # Another interface may have the name until its own turn comes.
  [ ! -e "/sys/class/net/$1" ] || ip link set "$1" name "was-$1"
  ip link set "$device" name "$1" && device=$1
}

tune_ipv6() {
  settings=/proc/sys/net/ipv6/conf/$device
  [ -d "$settings" ] || return 0
  # The control server gave the address to one server only; asking the neighbours takes a second.
  echo 0 >"$settings/accept_dad"
  get network-config "$at.accept-ra"
  case $value in false | False | no) echo 0 >"$settings/accept_ra" ;; esac
}

# add_route TO VIA: a gateway outside the own network (`on-link`) is first made a neighbour.
add_route() {
  to=$1
  via=$2
  case $via in
    *:*) family=-6 ;;
    *) family=-4 ;;
  esac
  case $to in 0.0.0.0/0 | ::/0) to=default ;; esac
  if [ -z "$via" ]; then
    ip route add "$to" dev "$device"
    return
  fi
  ip "$family" route add "$to" via "$via" dev "$device" 2>/dev/null && return
  ip "$family" route add "$via" dev "$device"
  ip "$family" route add "$to" via "$via" dev "$device"
}

write_resolv_conf() {
  # A lease of DHCP has written its own.
  [ -n "$resolvers$domains" ] || return 0
  {
    [ -z "$domains" ] || echo "search$domains"
    printf '%s' "$resolvers" | while read -r server; do
      [ -z "$server" ] || echo "nameserver $server"
    done
  } >/etc/resolv.conf
}
