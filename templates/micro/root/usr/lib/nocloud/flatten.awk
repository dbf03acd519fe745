# Reads YAML or JSON and prints one line for each value: its path, a tab, the value.
#
#   users:                          users.0.name<TAB>root
#     - name: root         gives    users.0.ssh_authorized_keys.0<TAB>ssh-ed25519 AAAA...
#       ssh_authorized_keys: ["ssh-ed25519 AAAA..."]
#
# It reads what cloud-init's users and panels write: block and flow collections, plain, quoted and literal scalars.
# Anchors, tags and folded lines inside plain scalars are not read.
#
# A value's backslash, line feed and tab are written as \\, \n and \t, which is what `printf %b` turns back, so a
# value is always one line and can never be taken for two. A key keeps only letters, digits, "_" and "-".

{ sub(/\r$/, ""); lines[NR] = $0 }

END {
  at = 1
  if (peek()) {
    if (rest() ~ /^[[{]/) { start_flow(rest()); flow("") }
    else block("", indent())
  }
}

function emit(path, value) {
  gsub(/\\/, "\\\\", value)
  gsub(/\n/, "\\n", value)
  gsub(/\t/, "\\t", value)
  sub(/^\./, "", path)
  print path "\t" value
}

function child(path, key) {
  gsub(/[^A-Za-z0-9_-]/, "_", key)
  return path "." key
}

# --- lines ---

# Skips what means nothing; true while there is a line.
function peek() {
  while (at <= NR && lines[at] ~ /^[ \t]*(#.*)?$|^---|^\.\.\./) at++
  return at <= NR
}
function indent() { match(lines[at], /^ */); return RLENGTH }
function rest() { return substr(lines[at], indent() + 1) }

# --- block collections ---

# All entries of the collection whose first line is the current one, indented by `column`.
function block(path, column,    list, count, before) {
  list = rest() ~ /^-( |$)/
  count = 0
  while (peek() && indent() >= column) {
    before = at
    if (indent() > column) { at++; continue }      # Not what the grammar allows: skip it.
    if ((rest() ~ /^-( |$)/) != list) return
    if (list) item(child(path, count++), column)
    else entry(path, column)
    if (at == before) at++                          # Whatever the text is, this ends.
  }
}

function item(path, column,    text, inner) {
  text = substr(rest(), 2)
  match(text, /^ */)
  inner = column + 1 + RLENGTH
  text = substr(text, RLENGTH + 1)
  if (text == "" || text ~ /^#/) {
    at++
    nested(path, column + 1)
  } else if (text ~ /^-( |$)/ || is_entry(text)) {
    # The item's content stands on the dash's line: read it again as a line of its own.
    lines[at] = sprintf("%" inner "s", "") text
    block(path, inner)
  } else scalar(path, text, column)
}

function entry(path, column,    text, key) {
  text = rest()
  if (!is_entry(text)) { at++; return }
  key = entry_key
  text = entry_text
  if (text == "" || text ~ /^#/) {
    at++
    # A list may stand at the indentation of its own key.
    nested(child(path, key), peek() && rest() ~ /^-( |$)/ ? column : column + 1)
  } else scalar(child(path, key), text, column)
}

function nested(path, least) {
  if (peek() && indent() >= least) block_or_scalar(path)
  else emit(path, "")
}
function block_or_scalar(path) {
  if (rest() ~ /^-( |$)/ || is_entry(rest())) block(path, indent())
  else scalar(path, rest(), indent() - 1)
}

# Splits "key: text" into entry_key and entry_text; false for anything else.
function is_entry(text) {
  if (match(text, /^"([^"\\]|\\.)*"[ ]*:([ ]|$)/) || match(text, /^'[^']*'[ ]*:([ ]|$)/)) {
    entry_text = substr(text, RLENGTH + 1)
    entry_key = substr(text, 2, RLENGTH - 2)
    sub(/["'][ ]*:?$/, "", entry_key)
  } else if (text !~ /^[[{"'#|>&*!%@`]/ && match(text, /^[^:]+:([ ]|$)/)) {
    # A key may hold a colon that no space follows; the first one with a space ends it.
    entry_text = substr(text, RLENGTH + 1)
    entry_key = substr(text, 1, RLENGTH)
    sub(/:[ ]?$/, "", entry_key)
  } else return 0
  gsub(/^[ \t]+|[ \t]+$/, "", entry_text)
  return 1
}

# --- scalars ---

# `text` is what stands on the current line after its key or dash; the parent is indented by `column`.
function scalar(path, text, column) {
  if (text ~ /^[|>][-+0-9]*[ \t]*(#.*)?$/) literal(path, text, column)
  else if (text ~ /^[[{"']/) { start_flow(text); flow(path) }
  else {
    at++
    sub(/[ \t]+#.*$/, "", text)
    gsub(/^[ \t]+|[ \t]+$/, "", text)
    emit(path, text == "null" || text == "~" ? "" : text)
  }
}

# The lines below that are indented deeper than `column`. ">" is read like "|": line ends stay.
function literal(path, head, column,    value, width, kept) {
  width = -1
  for (at++; at <= NR; at++) {
    if (lines[at] ~ /^[ ]*$/) { value = value "\n"; continue }
    if (indent() <= column) break
    if (width < 0) width = indent()
    value = value substr(lines[at], width + 1) "\n"
    kept = length(value)
  }
  # Empty lines at the end are kept only by "|+"; "|-" also drops the last line end.
  if (head !~ /\+/) value = substr(value, 1, kept)
  if (head ~ /-/) sub(/\n$/, "", value)
  emit(path, value)
}

# --- flow: JSON and what YAML adds to it ---

# Flow text may go over several lines; `flow_text` grows by a line when it runs out.
function start_flow(text) { flow_text = text; flow_at = 1; at++ }

function current() {
  while (flow_at > length(flow_text) && at <= NR) {
    flow_text = "\n" lines[at++]
    flow_at = 1
  }
  return substr(flow_text, flow_at, 1)
}
function space(    c) { while ((c = current()) == " " || c == "\t" || c == "\n") flow_at++; return c }

function flow(path,    c, count, key) {
  c = space()
  if (c == "[") {
    flow_at++
    for (count = 0; (c = space()) != "]" && c != ""; ) {
      if (c == ",") { flow_at++; continue }
      if (c == "}") { flow_at++; continue }
      flow(child(path, count++))
    }
    flow_at++
  } else if (c == "{") {
    flow_at++
    while ((c = space()) != "}" && c != "") {
      if (c == ",") { flow_at++; continue }
      if (c == "]") { flow_at++; continue }
      key = word(1)
      if (space() == ":") { flow_at++; flow(child(path, key)) }
      else emit(child(path, key), "")
    }
    flow_at++
  } else {
    key = word(0)
    if (!was_quoted && (key == "null" || key == "~")) key = ""
    emit(path, key)
  }
}

# One scalar in a flow: quoted, or up to what ends it. A key also ends at a colon.
function word(is_key,    c, value) {
  c = space()
  was_quoted = c == "\"" || c == "'"
  if (c == "\"") return double_quoted()
  if (c == "'") return single_quoted()
  value = ""
  # A colon at the start would end the word before it began, and the reader would stay where it is.
  do {
    value = value c
    flow_at++
    c = current()
  } while (c != "" && c !~ /[],}{[\n]/ && !(is_key && c == ":"))
  gsub(/^[ \t]+|[ \t]+$/, "", value)
  return value
}

function single_quoted(    c, value) {
  flow_at++
  while ((c = current()) != "") {
    flow_at++
    if (c == "'") {
      if (substr(flow_text, flow_at, 1) != "'") return value
      flow_at++
    }
    value = value c
  }
  return value
}

function double_quoted(    c, value) {
  flow_at++
  while ((c = current()) != "" && c != "\"") {
    flow_at++
    value = value (c == "\\" ? escape() : c)
  }
  flow_at++
  return value
}

function escape(    c) {
  c = current()
  flow_at++
  if (c == "n") return "\n"
  if (c == "t") return "\t"
  if (c == "r") return "\r"
  if (c == "b") return "\b"
  if (c == "f") return "\f"
  if (c == "e") return "\033"
  if (c == "0") return ""
  if (c == "x") return codepoint(hex(2))
  if (c == "u") return codepoint(utf16())
  if (c == "U") return codepoint(hex(8))
  if (c == "\n") { space(); return "" }
  return c
}

function hex(digits,    i, value) {
  value = 0
  for (i = 0; i < digits; i++) value = value * 16 + index("0123456789abcdef", tolower(current())) - 1 + 0 * flow_at++
  return value
}

# JSON writes what lies beyond 16 bits as two escapes.
function utf16(    high) {
  high = hex(4)
  if (high < 55296 || high > 56319 || substr(flow_text, flow_at, 2) != "\\u") return high
  flow_at += 2
  return 65536 + (high - 55296) * 1024 + hex(4) - 56320
}

# UTF-8; awk's %c gives one byte.
function codepoint(n) {
  if (n <= 0) return ""
  if (n < 128) return sprintf("%c", n)
  if (n < 2048) return sprintf("%c%c", 192 + int(n / 64), 128 + n % 64)
  if (n < 65536) return sprintf("%c%c%c", 224 + int(n / 4096), 128 + int(n / 64) % 64, 128 + n % 64)
  return sprintf("%c%c%c%c", 240 + int(n / 262144), 128 + int(n / 4096) % 64, 128 + int(n / 64) % 64, 128 + n % 64)
}
