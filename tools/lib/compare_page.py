"""The HTML page of tools/compare: one file, no scripts, plots as SVG, light and dark, wide and narrow."""
import html

COLORS = ["#2f6fde", "#e07b39", "#3a9d5d", "#a04cc4", "#c43d5b", "#4aa3b5", "#8a7a2f"]
PARTS = {"kernel": "until the kernel speaks", "init": "until it is up", "text": "until the text", "load": "the load", "rest": "until the end"}
TITLES = {
    "blocks": "Blocks of translated code", "guest": "Guest code translated", "tlb": "TLB", "windows": "Windows",
    "translator exits": "Exits of translated code, by reason", "translator slow paths": "Instructions on slow paths",
    "events": "Interrupts and exceptions in the translator", "switches": "Moves between engines",
    "fallback by instruction": "Fallbacks, by instruction", "kvm runs": "Entries of KVM", "kvm exits": "Exits of KVM, by reason",
    "kvm events": "Interrupts and kicks in KVM", "kvm state": "State moved to and from KVM", "kvm memory": "Memory slots of KVM",
}
MOST_ROWS = 12

STYLE = """
:root{--fg:#1b1f24;--bg:#fff;--soft:#5b6472;--line:#d9dde3;--card:#f6f8fa;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--fg:#e6e9ee;--bg:#14171b;--soft:#9aa4b2;--line:#333a44;--card:#1c2127}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:1080px;margin:2em auto;padding:0 1em}
h1{font-size:1.6em;margin:0 0 .2em}h2{font-size:1.15em;margin:2.2em 0 .6em}h3{font-size:1em;margin:0 0 .6em}
.soft{color:var(--soft)}.bad{color:#d2455f}.lead{font-size:1.15em}
.scroll{overflow-x:auto}.card{background:var(--card);border-radius:8px;padding:1em;overflow-x:auto}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24em),1fr));gap:1em}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.3em .6em;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th{font-weight:600}th:first-child,td:first-child{text-align:left}tr:last-child td{border-bottom:0}
.cards table{font-size:.93em}.cards th,.cards td{padding:.3em .4em}.cards td:first-child{white-space:normal}
.share{height:3px;border-radius:2px;margin-left:auto;opacity:.8}
.bar{display:grid;grid-template-columns:9em 1fr;gap:.2em .8em;align-items:center;margin:.45em 0}
.bar>span{overflow-wrap:anywhere}.track{display:flex;align-items:center;gap:.6em;white-space:nowrap}
.fill{display:flex;height:1.5em;border-radius:4px;overflow:hidden;min-width:2px}.fill i{display:block;height:100%}
@media(max-width:40em){.bar{grid-template-columns:1fr}}
code{background:var(--card);padding:.1em .3em;border-radius:4px;font-size:.86em;overflow-wrap:anywhere}
svg{width:100%;min-width:38em;height:auto}svg text{fill:var(--fg);font:13px system-ui,sans-serif}.grid{stroke:var(--line)}
.dot{display:inline-block;width:.75em;height:.75em;border-radius:50%;margin-right:.4em}.key{margin-right:1.2em;white-space:nowrap}
"""


def color(index):
    return COLORS[index % len(COLORS)]


def escape(text):
    return html.escape(str(text))


def dot(index):
    return f'<span class="dot" style="background:{color(index)}"></span>'


def bars(rows):
    """Horizontal bars: rows of (number of the engine, its name, [(what, value)], text); parts of a bar get lighter."""
    widest = max((sum(v for _, v in parts) for _, _, parts, _ in rows), default=0) or 1
    out = []
    for n, name, parts, text in rows:
        total = sum(v for _, v in parts)
        pieces = "".join(f'<i title="{escape(what)}" style="width:{100 * v / (total or 1):.2f}%;background:{color(n)};'
                         f'opacity:{1 - 0.75 * k / max(1, len(parts)):.2f}"></i>' for k, (what, v) in enumerate(parts))
        out.append(f'<div class="bar"><span>{dot(n)}{escape(name)}</span><div class="track">'
                   f'<div class="fill" style="width:{62 * total / widest:.2f}%">{pieces}</div>{escape(text)}</div></div>')
    return "".join(out)


def console_plot(results):
    """How much the guest had written when: the shape of a boot."""
    longest = max((r.console[-1][0] for r in results if r.console), default=1) or 1
    most = max((r.console[-1][1] for r in results if r.console), default=1) or 1
    place = lambda t, n: (60 + 850 * t / longest, 250 - 225 * n / most)
    parts = ['<svg viewBox="0 0 940 290" role="img" aria-label="console output over time">']
    for step in range(6):
        x, label = 60 + 850 * step / 5, f"{longest * step / 5:.1f} s"
        parts.append(f'<line class="grid" x1="{x}" y1="20" x2="{x}" y2="250"/><text x="{x}" y="272" text-anchor="middle">{label}</text>')
    for part in (0, 0.5, 1):
        y = 250 - 225 * part
        parts.append(f'<line class="grid" x1="60" y1="{y}" x2="910" y2="{y}"/>'
                     f'<text x="52" y="{y + 4}" text-anchor="end">{most * part / 1024:.3g} K</text>')
    for n, r in enumerate(results):
        path, last = ["M60 250"], 250.0
        for t, count in r.console:
            x, y = place(t, count)
            path.append(f"H{x:.1f}" + (f"V{y:.1f}" if y != last else ""))
            last = y
        parts.append(f'<path d="{"".join(path)}" fill="none" stroke="{color(n)}" stroke-width="2.5"/>')
        for name, t in r.marks.items():
            x, y = place(t, max((b for s, b in r.console if s <= t), default=0))
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{color(n)}">'
                         f'<title>{escape(r.engine)}: {escape(name)} at {t:.2f} s</title></circle>')
    return "".join(parts) + "</svg>"


def legend(results):
    return "".join(f'<span class="key">{dot(n)}{escape(r.engine)}</span>' for n, r in enumerate(results))


def table(header, rows):
    head = "".join(f"<th>{h}</th>" for h in header)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def phases(r):
    """[(what, seconds)] from step to step."""
    times, out, before = [*r.marks.items(), ("rest", r.wall_s)], [], 0.0
    for name, t in times:
        out.append((f"{PARTS.get(name, name)}: {t - before:.2f} s", max(0.0, t - before)))
        before = t
    return out


def number(value):
    return f"{value:,.0f}" if value == int(value) else f"{value:,.3f}"


def counter_cards(results):
    groups = list(dict.fromkeys(g for r in results for g in r.counters))
    for group in sorted(groups, key=lambda g: list(TITLES).index(g) if g in TITLES else len(TITLES)):
        having = [(n, r.engine, r.counters[group]) for n, r in enumerate(results) if group in r.counters]
        most = {name: max(c.get(name, 0) for _, _, c in having) for _, _, counters in having for name in counters}
        names = sorted((name for name in most if most[name]), key=lambda name: -most[name])[:MOST_ROWS]
        if not names:
            continue
        whole = most[names[0]]
        cell = lambda n, v: f'{number(v)}<div class="share" style="width:{100 * v / whole:.1f}%;background:{color(n)}"></div>'
        rows = [[escape(name), *(cell(n, c.get(name, 0)) for n, _, c in having)] for name in names]
        head = ["", *(f"{dot(n)}{escape(engine)}" for n, engine, _ in having)]
        yield f'<div class="card"><h3>{escape(TITLES.get(group, group))}</h3>{table(head, rows)}</div>'


def lead(good):
    """The result in a sentence."""
    if len(good) < 2:
        return ""
    cpu = lambda r: r.user_s + r.system_s
    ranked = sorted((r for _, r in good), key=cpu)
    rest = ", ".join(f"{escape(r.engine)} {cpu(r) / max(cpu(ranked[0]), 1e-9):.2f} times as much" for r in ranked[1:])
    return f'<p class="lead">Least processor time: <b>{escape(ranked[0].engine)}</b> with {cpu(ranked[0]):.2f} s; {rest}.</p>'


def page(title, host, results, columns, cells):
    """`columns` and `cells(result)` are those of the terminal's table."""
    good = [(n, r) for n, r in enumerate(results) if r.ok]
    wall = [(n, r.engine, phases(r), f"{r.wall_s:.2f} s") for n, r in good]
    cpu = [(n, r.engine, [(f"user: {r.user_s:.2f} s", r.user_s), (f"system: {r.system_s:.2f} s", r.system_s)],
            f"{r.user_s + r.system_s:.2f} s, {r.system_s:.2f} of them system") for n, r in good]
    memory = [(n, r.engine, [("peak", r.peak_kib)], f"{r.peak_kib / 1024:.0f} MiB") for n, r in good]
    problems = "".join(f'<p class="bad">{escape(r.engine)}: {escape(r.problem)}</p>' for r in results if not r.ok)
    commands = "".join(f"<p>{dot(n)}{escape(r.engine)}: <code>{escape(' '.join(map(str, r.command)))}</code></p>" for n, r in enumerate(results))
    rows = [[dot(n) + escape(r.engine), *(escape(c) for c in cells(r)[1:])] for n, r in enumerate(results)]
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(title)}</title><style>{STYLE}</style>
<h1>{escape(title)}</h1><p class="soft">{escape(host)}</p>{lead(good)}
{table([escape(c) for c in columns], rows)}{problems}
<h2>Console output over time</h2><div class="card">{console_plot(results)}<p>{legend(results)}</p>
<p class="soft">Each dot is a step of the workload.</p></div>
<h2>Wall time, step by step</h2><div class="card">{bars(wall)}</div>
<h2>CPU time of the emulator, user and system</h2><div class="card">{bars(cpu)}</div>
<h2>Peak resident memory</h2><div class="card">{bars(memory)}</div>
<h2>What the engines counted</h2><div class="cards">{"".join(counter_cards(results))}</div>
<h2>Commands</h2>{commands}</html>
"""
