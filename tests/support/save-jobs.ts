/** Programs that images are made of. Their output does not depend on time. */
import { basename, dirname, join } from 'node:path';
import type { KernelOptions } from '@troupe/kernel';
import { ROOTFS } from './debian.js';
import { compileGuest } from './guest-program.js';
import { ROOT } from './paths.js';

const POOL = `
import multiprocessing as m
def f(x):
    s=0
    for i in range(x*1500): s=(s*31+i)%1000003
    return s
if __name__=="__main__":
    with m.Pool(4) as p: print(p.map(f, range(24)))
`;

const SHELL = `
trap 'echo got usr1' USR1
trap 'echo bye' EXIT
for i in 1 2 3; do (sleep 0.1; echo job $i) & wait; done
kill -USR1 $$
x=$(for i in $(seq 1 200); do echo $i; done | sort -rn | head -3 | tr '\\n' ' ')
echo "$x"
for i in $(seq 1 30); do echo $i | cat > /tmp/f$i; done
cat /tmp/f* | md5sum
sleep 0.2 & wait $!; echo rc $?
`;

const SQL = `create table t(a,b); begin; with recursive c(x) as (values(1) union all select x+1 from c where x<15000) insert into t select x, x*x%7919 from c;
select count(*), sum(b) from t; commit; create index i on t(b); select b,count(*) from t group by b order by 2 desc,1 limit 3; pragma integrity_check;`;

const GIT = `export GIT_COMMITTER_DATE=2020-01-01T00:00:00; cd /tmp; mkdir r; cd r; git init -q . 2>/dev/null
for i in 1 2 3 4 5 6; do seq $i 500 > f$i; git add .; git -c user.name=a -c user.email=b commit -qm $i --date=2020-01-01T00:00:00; done
git gc -q; git count-objects -v | grep -v size; git log --format=%H%s; git fsck`;

const BUILD = `cd /tmp; echo 'int puts(const char*);int main(){puts("hello");return 0;}' > h.c; gcc -O1 h.c -o h && ./h`;

const PING_PONG = compileGuest('ping-pong', ['-static'], join(ROOT, 'tests/save/programs'));

/** The Debian root folder, and our own programs under /guest. */
export const jobMachine: KernelOptions = { root: { kind: 'overlay', hostPath: ROOTFS }, volumes: [{ hostPath: dirname(PING_PONG), guestPath: '/guest', readOnly: true }] };

export const jobs: Readonly<Record<string, readonly string[]>> = {
  'python multiprocessing': ['/usr/bin/python3', '-c', POOL],
  'two threads': [`/guest/${basename(PING_PONG)}`],
  'bash with jobs and traps': ['/bin/bash', '-c', SHELL],
  'sqlite in a transaction': ['/usr/bin/sqlite3', '/tmp/db.sqlite', SQL],
  'git gc': ['/bin/bash', '-c', GIT],
  'gcc': ['/bin/bash', '-c', BUILD],
};
