#!/bin/bash
# find, grep, sed, awk
mkdir -p a/b/c
for i in $(seq 30); do echo "value $i of $((i % 7))" > a/f$i.txt; done
cp a/f1.txt a/b/c/deep.txt
touch -d 2001-01-01 a
find a -name "*5.txt" -newer a -o -name deep.txt | sort
find a -type d | sort
find a -name "f1*.txt" | sort | xargs grep -l "of 3" 
grep -rhc "of [35]" a | sort | uniq -c
sed -n "s/value \([0-9]*\) of \(.\)/\2-\1/p" a/f2*.txt
mawk '{ s[$4] += $2 } END { for (k in s) print k, s[k] }' a/f*.txt | sort
gawk 'BEGIN { printf "%.6f %s\n", atan2(0, -1), strftime("%Y", 0, 1) } { n = split($0, p, / /); t += n } END { print t }' a/f*.txt
gawk 'BEGIN { x = 1; for (i = 1; i < 60; i++) x *= 3; print x }'
grep -P "(?<=value )1\d" -oh a/f*.txt | sort | tail -n 2
grep -E "^(value) [0-9]{2} .*[^0-3]$" -h a/*.txt | sort | head -n 4
find a -type f -delete
find a | wc -l
