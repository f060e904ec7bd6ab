"""Work of every-day Python programs: dictionaries, strings, regular expressions, JSON, objects, big integers."""
import json
import re


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def moved(self, dx, dy):
        return Point(self.x + dx, self.y + dy)


def words():
    counts = {}
    for i in range(120000):
        key = "key%d" % (i * 7919 % 5003)
        counts[key] = counts.get(key, 0) + 1
    return sum(v * v for v in counts.values())


def points():
    p = Point(0, 0)
    for i in range(150000):
        p = p.moved(i & 3, -(i & 5))
    return p.x - p.y


def texts():
    data = json.dumps([{"n": i, "s": "x" * (i % 17), "f": i / 8} for i in range(6000)])
    return len(data), len(re.findall(r'"s": "(x{3,9})"', data)), json.loads(data)[4321]["f"]


def numbers():
    a = pow(3, 20011, 10 ** 400 + 9)
    return a % 1000003, sum(i * i % 7 for i in range(200000))


print(words(), points(), texts(), numbers())
