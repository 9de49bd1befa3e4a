#!/bin/bash
# tar, gzip, bzip2, xz
mkdir src
for i in $(seq 40); do seq $((i * 50)) > src/f$i; done
tar cf t.tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner src
for z in gzip bzip2 xz; do $z -k -c t.tar > t.$z; $z -dc t.$z | cmp - t.tar && echo "$z ok"; done
gzip -nc t.tar | sha256sum
xz -T1 -c t.tar | sha256sum
mkdir out
tar xzf t.gzip -C out
diff -r src out/src && echo same
tar tf t.tar | wc -l
