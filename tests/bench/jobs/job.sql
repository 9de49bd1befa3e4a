CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INTEGER, amount REAL, note TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120000)
INSERT INTO orders SELECT i, (i * 7919) % 1009, ((i * 104729) % 100003) / 100.0, printf('note %d of %x', i, i * 2654435761 % 65536) FROM n;
CREATE INDEX by_customer ON orders(customer, amount);
SELECT customer, count(*), round(sum(amount), 2), max(note) FROM orders GROUP BY customer ORDER BY 3 DESC LIMIT 10;
SELECT count(*) FROM orders a JOIN orders b ON a.customer = b.customer AND b.amount > a.amount WHERE a.id % 40 = 0;
SELECT count(*), sum(length(note)) FROM orders WHERE note LIKE '%ff%' OR note GLOB '*a[0-9]b*';
UPDATE orders SET amount = amount * 1.01 WHERE customer % 3 = 0;
SELECT round(total(amount), 1), count(DISTINCT note) FROM orders;
