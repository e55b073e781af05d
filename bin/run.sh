# Read by the three commands, with $root and $command set: replaces this shell by a Node that can run $command.
# Plain sh on purpose: it has to work, and to speak clearly, where Node is too old or missing.

# Prints the major version of the Node at $1; nothing when it cannot be run.
major() {
  version=$("$1" --version 2>/dev/null) || return 0
  version=${version#v}
  printf '%s' "${version%%.*}"
}

fits() {
  case $1 in '' | *[!0-9]*) return 1 ;; esac
  [ "$1" -ge 24 ]
}

fail() {
  printf '%s: %s\n' "$command" "$1" >&2
  exit 1
}

node=
if fits "$(major "$root/node_modules/.bin/node")"; then
  node=$root/node_modules/.bin/node
else
  system=$(command -v node) || system=
  if [ -n "$system" ] && fits "$(major "$system")"; then node=$system; fi
fi

# Node does not strip types from files below node_modules, so an installed package runs what was compiled for it.
entry=$root/src/$command.ts
case $root/ in */node_modules/*) entry= ;; esac
if [ -z "$entry" ] || [ ! -f "$entry" ]; then
  entry=$root/dist/$command.js
  cure='install a Node.js of version 24 or later and put it first in PATH'
else
  cure="run 'npm ci' in $root, which brings its own Node.js, or install version 24 or later and put it first in PATH"
fi

if [ -z "$node" ]; then
  if [ -n "$system" ]; then
    found="found version $("$system" --version 2>/dev/null || echo '(it does not run)') at $system"
  else
    found='found none in PATH'
  fi
  fail "needs Node.js 24 or later, but $found. Cure: $cure."
fi

[ -f "$entry" ] || fail "$entry is missing. Cure: install the package again, or run 'npm ci && npm run build' in $root."
if [ ! -d "$root/node_modules" ]; then
  case $root/ in */node_modules/*) ;; *) fail "its packages are missing. Cure: run 'npm ci' in $root." ;; esac
fi

# A young generation of 12 MiB: V8's default lets it grow to several times that, which took 120 to 220 MiB more of resident memory under load,
# and no call cost less CPU.
exec "$node" --max-semi-space-size=4 "$entry" "$@"
