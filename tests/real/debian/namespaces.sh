#!/bin/bash
# unshare, nsenter, setpriv, capsh
squeeze() { sed -E 's/^ +//; s/ +/ /g'; }
unshare -Urpf --mount-proc ps | squeeze
unshare -Urpf --mount-proc ps -e -o pid=,ppid=,user=,comm= | squeeze
unshare -Ur bash -c 'id; cat /proc/self/uid_map | tr -s " "; cat /proc/self/setgroups; setpriv --reuid=7 true; echo $?' 2>&1
unshare -U bash -c 'id -u; cat /proc/self/uid_map' 2>&1
unshare -Upf --map-root-user --kill-child bash -c 'echo $$; (echo $BASHPID; exec bash -c "echo \$\$ \$PPID"); sleep 100 & kill %1; wait; echo $?'
unshare -u bash -c 'echo inner > /proc/sys/kernel/hostname; uname -n'
[ "$(uname -n)" != inner ] && echo 'outer name kept'
unshare -Um --map-root-user bash -c 'busybox mount -t tmpfs none /home && touch /home/inside && ls /home; grep -c " /home tmpfs " /proc/mounts'
ls /home
unshare -Urp --fork bash -c 'echo pid $$; readlink /proc/self/ns/user > /dev/null && echo link'
unshare -Uru bash -c 'echo held > /proc/sys/kernel/hostname; echo ready; exec sleep 60' > ready &
holder=$!
until [ -s ready ]; do sleep 0.05; done
nsenter -t $holder -U -u bash -c 'uname -n; id -u'
nsenter --user=/proc/$holder/ns/user --uts=/proc/$holder/ns/uts --preserve-credentials uname -n
[ "$(readlink /proc/$holder/ns/uts)" != "$(readlink /proc/self/ns/uts)" ] && echo 'different uts'
[ "$(readlink /proc/$holder/ns/ipc)" = "$(readlink /proc/self/ns/ipc)" ] && echo 'same ipc'
kill $holder
wait $holder 2>/dev/null
nsenter -t 999999 -u true 2>&1 | sed 's/nsenter: //'
unshare -Ur capsh --print | grep -v IAB
unshare -Ur capsh --drop=cap_sys_admin,cap_kill -- -c 'capsh --print | grep -E "Current:|Bounding" | cut -c1-160; grep Cap /proc/self/status'
unshare -Ur setpriv --bounding-set -all,+chown --inh-caps -all grep Cap /proc/self/status
unshare -Ur setpriv --inh-caps +chown,+kill --ambient-caps +chown,+kill grep -E 'Cap(Inh|Amb)' /proc/self/status
unshare -Ur setpriv --no-new-privs grep NoNewPrivs /proc/self/status
unshare -Ur setpriv --securebits +noroot,+noroot_locked setpriv --dump | grep -i -E 'secure|uid|capab' | cut -c1-80
unshare -Ur setpriv --reuid=65534 true 2>&1
