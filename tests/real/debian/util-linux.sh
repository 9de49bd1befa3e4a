#!/bin/bash
# util-linux
flock f -c "echo locked"
setsid -w echo session
nice -n 5 nice
taskset -p $$ | sed "s/.*mask: .*/mask/"
prlimit --nofile --noheadings -o SOFT | wc -l
echo abc | rev
getopt -o ab: -- -a -b x y
mountpoint -q /proc && echo proc
script -qec "echo in pty; tty | cut -c1-8" /dev/null | tr -d "\r"
lsblk --version | cut -c1-5
namei /usr/bin | head -n 1
