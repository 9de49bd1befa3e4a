#!/bin/bash
# lua and jq
lua5.4 -e 'local t = {} for i = 1, 2000 do t[i] = (i * 7919) % 1009 end table.sort(t) print(t[1], t[1000], #t) print(string.format("%5.3f %d %s", math.pi, 42, ("ab"):rep(3))) local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i * i) end end) print(co(), co(), co()) print(("hello world"):gsub("o", "0")) print(2^53, 7 // 2, 7 % -3, 1e15) print(pcall(error, "e"))'
echo '{"a":[1,2,{"b":null,"c":"x\u00e9"}],"n":1.5e3}' | jq -c '.a[2], (.n | sqrt), [.a[] | numbers], (keys | join("-"))'
seq 200 | jq -s 'map(. * 2) | add'
