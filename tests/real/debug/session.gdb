set pagination off
set confirm off
set width 0
set print address off
set debuginfod enabled off
set print thread-events off
break depth if n == 0
run
backtrace
info args
print *p
print table
finish
up 3
info locals
down 3
x/4i $pc
stepi
nexti
stepi
print counter
set var counter = 42
set var table[2] = 33
print counter
print table
info registers rip eflags cs ss orig_rax
x/2gx &table
tbreak half
continue
print $xmm0.v2_double[0]
print v
next
step
info breakpoints
delete 1
catch fork
continue
delete 3
set follow-fork-mode child
set detach-on-fork off
tbreak in_child
continue
backtrace
next
next
print counter
continue
inferior 1
set follow-fork-mode parent
set detach-on-fork on
tbreak in_child
continue
info threads
backtrace 2
thread apply all backtrace 1
catch exec
catch vfork
continue
continue
