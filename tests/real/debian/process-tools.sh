#!/bin/bash
# timeout, nice, taskset, chrt, setsid, script, flock, ipcs, ipcmk
timeout 0.2 sleep 10; echo "timeout $?"
(timeout -s KILL 0.2 sleep 10; echo "killed $?") 2> /dev/null
timeout --preserve-status 5 bash -c 'exit 3'; echo "kept $?"
(timeout -k 0.2 0.2 bash -c 'trap "" TERM; sleep 0.1; while :; do sleep 0.1; done'; echo "insists $?") 2> /dev/null
nice; nice -n 7 nice; nice -n 7 nice -n 5 nice; nice -n 100 nice
nice -n 3 bash -c 'cut -d" " -f18,19 /proc/self/stat; renice -n 2 -p $$ > /dev/null; nice'
taskset -c 0 nproc
taskset 1 bash -c 'taskset -p $$' | sed 's/pid [0-9]*/pid N/'
taskset -c 0 bash -c 'taskset -cp $$; grep Cpus_allowed_list /proc/self/status' | sed 's/pid [0-9]*/pid N/'
taskset -c 600 true 2>&1 | sed 's/pid [0-9]*/pid N/'
chrt -m
chrt -o 0 chrt -p 0 | sed 's/pid [0-9]*/pid N/'
chrt -b 0 bash -c 'chrt -p $$' | sed 's/pid [0-9]*/pid N/'
chrt -i 0 bash -c 'chrt -p $$' | sed 's/pid [0-9]*/pid N/'
chrt -f 200 true 2>&1; echo $?
ionice -c 2 -n 6 ionice; ionice -c 3 ionice
setsid bash -c '[ $$ = "$(ps -o sid= -p $$ | tr -d " ")" ] && echo leader'
setsid -w bash -c 'exit 9'; echo "setsid $?"
setsid setsid -f echo forked; sleep 0.3
setsid -w bash -c 'sleep 60 & p=$!; kill -STOP $p; sleep 0.1; /bin/true; kill -CONT $p; sleep 0.1; kill -0 $p && echo spared; kill $p'
script -qec 'tty | sed s/[0-9]*$/N/; stty size; [ -t 1 ] && echo terminal; exit 4' /dev/null | tr -d '\r'; echo "script ${PIPESTATUS[0]}"
script -qc 'sleep 0.1; echo typed' typescript > /dev/null; grep -c typed typescript
script -qc 'bash -c "sleep 60 & echo \$! > job; trap : HUP; echo started"' /dev/null | tr -d '\r'; sleep 0.2; kill -0 "$(cat job)" 2>/dev/null || echo 'hung up'
flock lock -c 'echo locked'
( flock 9; sleep 0.5 ) 9> lock & sleep 0.2
flock -n lock true; echo "busy $?"
flock -w 0.05 lock true; echo "still busy $?"
flock -s -n lock true; echo "also busy $?"
flock -E 77 -n lock true; echo "chosen $?"
flock lock echo 'after all'; wait
( flock -s 8; flock -s -n 7 && echo 'shared' ) 8> lock 7< lock
unshare -i bash -c '
ipcmk -M 8192 -p 0640; ipcmk -M 100; ipcmk -S 3; ipcmk -Q
mask() { sed -E "s/0x[0-9a-f]{8}/KEY/; s/ +/ /g"; }
ipcs | mask
ipcs -m -p | mask | sed -E "s/[0-9]+ +[0-9]+ *$/P/"
ipcs -u
ipcs -l | grep -v "max seg size\|max total shared"
ipcs -s -i 0 | mask | grep -v time
ipcs -q -c | mask
ipcrm -m 0 -s 0 -q 0; ipcs | mask
ipcrm -m 77
ipcmk -M 10
cat /proc/sysvipc/shm | wc -l
cat /proc/sys/kernel/sem /proc/sys/kernel/msgmni /proc/sys/kernel/shmmni
'  2>&1
[ "$(ipcs -m | wc -l)" -ge 4 ] && echo 'outer untouched'
