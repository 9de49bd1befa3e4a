#!/bin/dash
# dash
f() { echo "f $1"; return 3; }
f x
echo $?
for i in a b c; do case $i in b) echo B;; *) echo "$i";; esac; done
x=$(seq 5 | while read n; do echo $((n * n)); done | tail -n 1)
echo "$x"
(exit 5) || echo "failed $?"
cat <<EOF
here $x
EOF
: "${y:=default}"; echo "$y"; set -- 1 2 3; shift; echo "$# $*"; trap "echo bye" EXIT; kill -l 15
