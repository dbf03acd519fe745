# Reads the flattened seed files, see flatten.awk. These functions set a variable in place of printing, because each
# `$(...)` is a fork, and forks are what this start-up would spend its time on.
# shellcheck shell=sh
tab=$(printf '\t')
newline='
'

# get FILE PATH: sets $value to the value at PATH, empty where there is none.
get() {
  value=
  while IFS=$tab read -r key text; do
    if [ "$key" = "$2" ]; then
      unescape "$text"
      return
    fi
  done <"$flat/$1"
}

# first_of FILE PATH: like get, and true where there is something.
first_of() {
  get "$1" "$2"
  [ -n "$value" ]
}

# get_line FILE PATH: the first line only, for values that end up in files where a line means something.
get_line() {
  get "$1" "$2"
  value=${value%%"$newline"*}
}

# children FILE PATH: sets $found to the keys below PATH, which hold nothing but letters, digits, "_" and "-".
children() {
  found=
  while IFS=$tab read -r key text; do
    case $key in
      "$2".*)
        key=${key#"$2".}
        key=${key%%.*}
        case " $found " in
          *" $key "*) ;;
          *) found="$found $key" ;;
        esac
        ;;
    esac
  done <"$flat/$1"
}

unescape() {
  case $1 in
    *\\*)
      # The dot keeps line ends at the end, which the substitution would drop.
      value=$(printf '%b.' "$1")
      value=${value%.}
      ;;
    *) value=$1 ;;
  esac
}

is_true() {
  case $1 in true | True | TRUE | yes | Yes | on | 1) return 0 ;; *) return 1 ;; esac
}
