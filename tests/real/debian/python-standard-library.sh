#!/bin/bash
# python: standard library
python3 -c 'import json, re, hashlib, decimal, math, collections, struct, zlib, datetime, itertools
print(json.dumps({"a": [1, 2.5, None], "b": "é"}, sort_keys=True))
print(re.sub(r"(\w+)@(\w+)", r"\2 at \1", "me@home you@work"))
print(hashlib.sha256(b"troupe" * 1000).hexdigest())
decimal.getcontext().prec = 60
print(decimal.Decimal(2).sqrt())
print(math.sin(1e10), math.factorial(30), 2 ** 200)
print(collections.Counter("mississippi").most_common(2))
print(struct.pack("<dI", 1.1, 7).hex(), zlib.crc32(b"x" * 999))
print(datetime.date(2024, 2, 29).isocalendar())
print(sum(1 for p in itertools.permutations(range(6)) if p[0] < p[-1]))
print(sorted({3, 1, 2}), f"{1234567.891:,.2f}", repr(0.1 + 0.2), float("1e-320"))'
