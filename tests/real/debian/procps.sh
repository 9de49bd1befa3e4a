#!/bin/bash
# procps
sleep 60 &
s=$!
until [ "$(ps -o comm=,stat= -p $s | tr -d " ")" = sleepS ]; do sleep 0.1; done
ps -o comm=,stat= -p $s
pgrep -c sleep
top -b -n 1 -p $s | grep -c sleep
free | head -n 1 | tr -s " "
uptime | grep -c "load average"
kill $s
wait $s
echo $?
ps -e -o comm= | grep -c bash
vmstat | wc -l
pidof sleep || echo none
w -h 2>/dev/null | wc -l
