#!/bin/bash
# gcc
cat > hello.c <<"EOF"
#include <stdio.h>
#include <math.h>
int main(void) { for (int i = 0; i < 3; i++) printf("%d %.4f\n", i, sqrt(i)); return 4; }
EOF
gcc -O2 -o hello hello.c -lm && ./hello
echo $?
echo "int main( {" > bad.c
gcc -c bad.c
echo $?
