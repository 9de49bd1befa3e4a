# Dictionaries, strings, classes, generators, floats, sorting: what scripts do.
import sys, json, re, hashlib

scale = float(sys.argv[1])

class Body:
    def __init__(self, x, v, m):
        self.x, self.v, self.m = x, v, m

def bodies(steps):
    stars = [Body([i * 1.5, i * 0.7, -i], [0.1 * i, 0.05, 0.0], 1.0 + i) for i in range(5)]
    for _ in range(steps):
        for i, a in enumerate(stars):
            for b in stars[i + 1:]:
                d = [p - q for p, q in zip(a.x, b.x)]
                f = 0.001 / (sum(c * c for c in d) + 0.01) ** 1.5
                for k in range(3):
                    a.v[k] -= d[k] * b.m * f
                    b.v[k] += d[k] * a.m * f
        for a in stars:
            for k in range(3):
                a.x[k] += 0.001 * a.v[k]
    return ['%.9f' % c for a in stars for c in a.x]

def words(count):
    seed, table = 42, {}
    for _ in range(count):
        seed = (seed * 1103515245 + 12345) & 0x7fffffff
        word = 'w%x' % (seed >> 16)
        table[word] = table.get(word, 0) + 1
    return sorted(table.items(), key=lambda item: (-item[1], item[0]))[:20]

def sieve(limit):
    flags = bytearray([1]) * limit
    for i in range(2, int(limit ** 0.5) + 1):
        if flags[i]:
            flags[i * i::i] = bytes(len(range(i * i, limit, i)))
    return sum(flags) - 2

text = json.dumps([{'id': i, 'name': 'item %d' % i, 'tags': [str(i % 7), 'x' * (i % 5)]} for i in range(int(20000 * scale))])
print(bodies(int(6000 * scale)))
print(words(int(400000 * scale)))
print(sieve(int(3000000 * scale)))
print(len(json.loads(text)), hashlib.sha1(text.encode()).hexdigest(), len(re.findall(r'item \d*7\b', text)))
