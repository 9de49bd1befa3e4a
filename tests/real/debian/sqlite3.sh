#!/bin/bash
# sqlite3
sqlite3 db "create table t(id integer primary key, v text, n real);
with recursive c(x) as (select 1 union all select x + 1 from c where x < 100000) insert into t select x, printf('row %d', x), x * 0.5 from c;
create index i on t(v);
select count(*), sum(n), max(v) from t;
select v from t where v like 'row 9999%' order by id;
pragma journal_mode=wal;
begin;
delete from t where id % 3 = 0;
commit;
select count(*) from t;
vacuum;
pragma integrity_check;"
