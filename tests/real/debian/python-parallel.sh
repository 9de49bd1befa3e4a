#!/bin/bash
# python: threads, processes, asyncio
cat > t.py <<"EOF"
import asyncio, multiprocessing, queue, subprocess, threading, os
def work(n): return sum(i * i for i in range(n))
def main():
    q = queue.Queue()
    ts = [threading.Thread(target=lambda i=i: q.put(work(2000 + i))) for i in range(4)]
    [t.start() for t in ts]; [t.join() for t in ts]
    print(sorted(q.get() for _ in ts))
    with multiprocessing.Pool(3) as pool: print(pool.map(work, [1000, 2000, 3000]))
    v = multiprocessing.Value("i", 0)
    def add():
        for _ in range(100):
            with v.get_lock(): v.value += 1
    ps = [multiprocessing.Process(target=add) for _ in range(3)]
    [p.start() for p in ps]; [p.join() for p in ps]
    print(v.value)
    print(subprocess.run(["sh", "-c", "echo out; exit 3"], capture_output=True, text=True))
    async def tick(n):
        await asyncio.sleep(0.01 * n); return n
    async def go(): return await asyncio.gather(*(tick(n) for n in (3, 1, 2)))
    print(asyncio.run(go()))
if __name__ == "__main__": main()
EOF
python3 t.py
