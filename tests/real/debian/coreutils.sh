#!/bin/bash
# coreutils
mkdir -p d/e
for i in 1 2 3; do echo "line $i" > d/f$i; done
ln -s f1 d/l
ls -R d
ls -l d | wc -l
seq 1 2000 | sort -R --random-source=/bin/true | sort -n | uniq | wc -l
seq 100 | sha256sum
seq 100 | md5sum
seq 50000 | b2sum
dd if=/dev/zero bs=1k count=64 2>/dev/null | cksum
seq 10 | tr 0-9 a-j | paste -sd,
seq 100 | split -l 30 - part
ls part*
cat part* | wc -l
seq 20 | shuf --random-source=/bin/true | head -n 3
cp -r d d2
mv d2 d3
du -s d3 | cut -f2
stat -c "%a %F %s" d/f1
head -c 20 /dev/zero | od -An -tx1
date -u -d @1000000000 +%F
factor 1234567890
expr 7 \* 6
basename /a/b.c .c
realpath d/../d/l
tac d/f1 d/f2
nl d/f3
comm -12 <(seq 5) <(seq 3 8)
join <(seq 3) <(seq 2 4)
numfmt --to=iec 1048576
seq 5 | tee t1 | rev 2>/dev/null
test -L d/l && readlink d/l
chmod 640 d/f1
stat -c %a d/f1
touch -d "2001-02-03 04:05:06" d/f2
stat -c %Y d/f2
env -i A=1 env
printenv HOME
id -u
uname -s
yes | head -n 2
sleep 0.01
timeout 0.2 sleep 5
echo $?
