#!/bin/bash
# bash: arrays, traps, jobs
a=(one two three)
a[5]=six
echo "${#a[@]} ${!a[@]} ${a[@]:1:2}"
declare -A m=([k]=v [j]=w)
echo "${m[k]}${m[j]}"
trap "echo got usr1" USR1
kill -USR1 $$
sleep 0.05 & p=$!
wait $p
echo "job $?"
sleep 5 & kill $!
wait $! 
echo "killed $?"
diff <(seq 3) <(seq 4) | tail -n 1
[[ "abc123" =~ ([a-z]+)([0-9]+) ]] && echo "${BASH_REMATCH[2]}"
printf "%05.2f|%-5s|%q\n" 3.14159 ab "a b"
coproc cat
echo hi >&"${COPROC[1]}"
read -r line <&"${COPROC[0]}"
echo "co $line"
eval "exec ${COPROC[1]}>&-"
wait "$COPROC_PID" 2>/dev/null
set -m
sleep 0.1 & jobs
wait
mapfile -t lines < <(seq 4)
echo "${lines[@]}"
exec 3>file
echo to3 >&3
exec 3>&-
cat file
time_=$(TIMEFORMAT=x; { time true; } 2>&1)
echo "$time_"
