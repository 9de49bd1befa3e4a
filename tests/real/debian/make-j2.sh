#!/bin/bash
# make -j2
for i in 1 2 3 4; do echo "int f$i(void) { return $i; }" > f$i.c; done
cat > main.c <<"EOF"
#include <stdio.h>
int f1(void), f2(void), f3(void), f4(void);
int main(void) { printf("%d%c", f1() + f2() + f3() + f4(), 10); return 0; }
EOF
printf "OBJS = main.o f1.o f2.o f3.o f4.o\nprog: \$(OBJS)\n\t@gcc -o \$@ \$^\n%%.o: %%.c\n\t@gcc -c -o \$@ \$<\n" > Makefile
make -j2 && ./prog && make
