set pagination off
set confirm off
set width 0
set print address off
set debuginfod enabled off
set print thread-events off
break main
run
watch counter
continue
continue
hbreak half
continue
backtrace 1
info watchpoints
watch table[2] if table[2] == 33
set var table[2] = 31
tbreak in_child
continue
delete 2
set var table[2] = 33
continue
