#!/bin/bash
# script: a command on a terminal of its own
script -qec 'echo on a terminal; test -t 0 && test -t 1 && echo yes; stty size 2>/dev/null | wc -w; exit 3' typescript </dev/null; echo "status $?"
tr -d '\r' < typescript | grep -c 'on a terminal'
script -qc 'printf "a\nb\n" | sort -r' /dev/null </dev/null | tr -d '\r'
