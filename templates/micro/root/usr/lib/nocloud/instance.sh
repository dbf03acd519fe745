# What a new instance gets once: keys, passwords, files, swap, time zone, commands, and a host key of its own.
# shellcheck shell=sh
# shellcheck disable=SC2154 # $flat, $value, $found and $cloud come from the other files.

set_up_instance() {
  write_keys
  set_passwords
  get user-data ssh_pwauth
  if is_true "$value"; then rm -f /etc/dropbear/keys-only; else : >/etc/dropbear/keys-only; fi
  set_timezone
  make_swap
  write_files
  write_commands
  # Servers that came from one image must not share a key.
  rm -f /etc/dropbear/host_key
  dropbearkey -t ed25519 -f /etc/dropbear/host_key >/dev/null 2>&1
}

# keys_at PATH: the keys of the list there, one a line.
keys_at() {
  children user-data "$1"
  for n in $found; do
    get_line user-data "$1.$n"
    [ -z "$value" ] || printf '%s\n' "$value"
  done
}

# The image has no user but root, who also gets the keys meant for the default user.
write_keys() {
  mkdir -p -m 700 /root/.ssh
  {
    keys_at ssh_authorized_keys
    children user-data users
    for user in $found; do
      get user-data "users.$user.name"
      [ "$value" != root ] || keys_at "users.$user.ssh_authorized_keys"
    done
  } | sort -u >/root/.ssh/authorized_keys
  chmod 600 /root/.ssh/authorized_keys
}

# set_password USER PASSWORD: a text that starts with a dollar sign is a crypt(3) hash.
set_password() {
  case $2 in
    '') ;;
    '$'*) printf '%s:%s\n' "$1" "$2" | chpasswd -e ;;
    *) printf '%s:%s\n' "$1" "$2" | chpasswd ;;
  esac
}

set_passwords() {
  get_line user-data password
  set_password root "$value"
  children user-data users
  for user in $found; do
    get_line user-data "users.$user.name"
    [ "$value" = root ] || continue
    for key in plain_text_passwd passwd hashed_passwd; do
      get_line user-data "users.$user.$key"
      set_password root "$value"
    done
  done
  children user-data chpasswd.users
  for user in $found; do
    get_line user-data "chpasswd.users.$user.name"
    name=$value
    get_line user-data "chpasswd.users.$user.password"
    set_password "$name" "$value"
  done
  # The older form: lines of "name:password", as a list or as one text.
  children user-data chpasswd.list
  for n in $found; do
    get_line user-data "chpasswd.list.$n"
    set_password "${value%%:*}" "${value#*:}"
  done
  get user-data chpasswd.list
  printf '%s\n' "$value" | while IFS= read -r line; do
    [ -z "$line" ] || set_password "${line%%:*}" "${line#*:}"
  done
}

set_timezone() {
  get_line user-data timezone
  case $value in '' | /* | *..* | *[!A-Za-z0-9_+/-]*) return 0 ;; esac
  [ -f "/usr/share/zoneinfo/$value" ] || return 0
  cp "/usr/share/zoneinfo/$value" /etc/localtime
  printf '%s\n' "$value" >/etc/timezone
}

# swap: {filename, size}, the size in bytes or with K, M or G.
make_swap() {
  get_line user-data swap.filename
  file=$value
  get_line user-data swap.size
  case $file in /*) ;; *) return 0 ;; esac
  number=${value%[KMGkmg]}
  case $number in '' | *[!0-9]*) return 0 ;; esac
  case $value in
    *[Kk]) number=$((number << 10)) ;;
    *[Mm]) number=$((number << 20)) ;;
    *[Gg]) number=$((number << 30)) ;;
  esac
  [ "$number" -gt 0 ] || return 0
  rm -f "$file"
  # /sbin/boot switches on what fstab lists, at this start and at each later one.
  (umask 077 && fallocate -l "$number" "$file") && mkswap "$file" >/dev/null && printf '%s none swap sw 0 0\n' "$file" >/etc/fstab
}

write_files() {
  children user-data write_files
  for n in $found; do
    get_line user-data "write_files.$n.path"
    file=$value
    case $file in /*) ;; *) continue ;; esac
    mkdir -p "${file%/*}"
    get user-data "write_files.$n.encoding"
    encoding=$value
    get user-data "write_files.$n.content"
    case $encoding in
      b64 | base64) printf '%s' "$value" | base64 -d >"$file" ;;
      gz+b64 | gz+base64 | gzip+base64) printf '%s' "$value" | base64 -d | gunzip >"$file" ;;
      *) printf '%s' "$value" >"$file" ;;
    esac
    get user-data "write_files.$n.permissions"
    case $value in
      '' | *[!0-7]*) ;;
      *) chmod "$value" "$file" ;;
    esac
  done
}

# Each command of `runcmd` is a text for the shell or a list of arguments. /sbin/boot runs the file once.
write_commands() {
  children user-data runcmd
  commands=$found
  [ -n "$commands" ] || return 0
  (
    umask 077
    echo '#!/bin/sh' >"$cloud/runcmd"
    for command in $commands; do
      children user-data "runcmd.$command"
      if [ -n "$found" ]; then
        for n in $found; do
          get user-data "runcmd.$command.$n"
          # In single quotes, in which only the single quote itself means something.
          printf "'%s' " "$(printf '%s' "$value" | sed "s/'/'\\\\''/g")"
        done
        echo
      else
        get user-data "runcmd.$command"
        printf '%s\n' "$value"
      fi
    done >>"$cloud/runcmd"
    chmod 700 "$cloud/runcmd"
  )
}
