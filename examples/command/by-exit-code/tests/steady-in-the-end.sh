# Fails the first time and passes the second time: with retries it is called flaky.
mark="${TMPDIR:-/tmp}/assay-example-command"
if [ ! -e "$mark" ]; then
  touch "$mark"
  echo "the first time it fails"
  exit 1
fi
rm "$mark"
