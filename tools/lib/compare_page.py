"""The HTML page of tools/compare: one file, no scripts, plots as SVG, light and dark."""
import html

COLORS = ["#2f6fde", "#e07b39", "#3a9d5d", "#a04cc4", "#c43d5b", "#4aa3b5", "#8a7a2f"]

STYLE = """
:root{--fg:#1b1f24;--bg:#fff;--soft:#667;--line:#d9dde3;--card:#f6f8fa}
@media(prefers-color-scheme:dark){:root{--fg:#e6e9ee;--bg:#14171b;--soft:#99a;--line:#333a44;--card:#1c2127}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:1000px;margin:2em auto;padding:0 1em}
h1{font-size:1.6em;margin-bottom:.2em}h2{font-size:1.15em;margin:2em 0 .6em}.soft{color:var(--soft)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.35em .7em;text-align:right;border-bottom:1px solid var(--line)}th:first-child,td:first-child{text-align:left}
code{background:var(--card);padding:.1em .3em;border-radius:4px;font-size:.86em;overflow-wrap:anywhere}
.card{background:var(--card);border-radius:8px;padding:1em;margin:1em 0}.bad{color:#c43d5b}
svg{width:100%;height:auto}svg text{fill:var(--fg);font:13px system-ui,sans-serif}.grid{stroke:var(--line)}
.dot{display:inline-block;width:.75em;height:.75em;border-radius:50%;margin-right:.4em}
"""


def color(index):
    return COLORS[index % len(COLORS)]


def escape(text):
    return html.escape(str(text))


def bars(rows, unit):
    """Horizontal bars: rows of (label, value, color, text)."""
    widest = max((value for _, value, _, _ in rows), default=0) or 1
    height = 34 * len(rows) + 6
    parts = [f'<svg viewBox="0 0 940 {height}" role="img" aria-label="{escape(unit)}">']
    for n, (label, value, fill, text) in enumerate(rows):
        y, width = 34 * n + 4, max(2.0, 520 * value / widest)
        parts.append(f'<text x="170" y="{y + 18}" text-anchor="end">{escape(label)}</text>'
                     f'<rect x="180" y="{y}" width="{width:.1f}" height="26" rx="4" fill="{fill}"/>'
                     f'<text x="{188 + width:.1f}" y="{y + 18}">{escape(text)}</text>')
    return "".join(parts) + "</svg>"


def console_plot(results):
    """How much the guest had written when: the shape of a boot."""
    longest = max((r.console[-1][0] for r in results if r.console), default=1) or 1
    most = max((r.console[-1][1] for r in results if r.console), default=1) or 1
    at = lambda t, n: f"{60 + 850 * t / longest:.1f},{250 - 230 * n / most:.1f}"
    parts = ['<svg viewBox="0 0 940 290" role="img" aria-label="console output over time">']
    for step in range(6):
        x, label = 60 + 850 * step / 5, f"{longest * step / 5:.1f} s"
        parts.append(f'<line class="grid" x1="{x}" y1="20" x2="{x}" y2="250"/><text x="{x}" y="272" text-anchor="middle">{label}</text>')
    parts.append(f'<text x="52" y="28" text-anchor="end">{most // 1024} K</text><text x="52" y="252" text-anchor="end">0</text>')
    for n, r in enumerate(results):
        points = " ".join([at(0, 0)] + [at(t, b) for t, b in r.console])
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color(n)}" stroke-width="2.5"/>')
        for name, t in r.marks.items():
            count = max((b for s, b in r.console if s <= t), default=0)
            x, y = at(t, count).split(",")
            parts.append(f'<circle cx="{x}" cy="{y}" r="4.5" fill="{color(n)}"><title>{escape(r.engine)}: {escape(name)} at {t:.2f} s</title></circle>')
    return "".join(parts) + "</svg>"


def legend(results):
    return " ".join(f'<span class="dot" style="background:{color(n)}"></span>{escape(r.engine)} &nbsp;' for n, r in enumerate(results))


def table(header, rows):
    head = "".join(f"<th>{escape(h)}</th>" for h in header)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def counter_sections(results):
    groups = []
    for r in results:
        groups += [g for g in r.counters if g not in groups]
    for group in groups:
        having = [r for r in results if group in r.counters]
        totals = {}
        for r in having:
            for name, n in r.counters[group].items():
                totals[name] = max(totals.get(name, 0), n)
        names = sorted((n for n in totals if totals[n]), key=lambda n: -totals[n])[:12]
        if not names:
            continue
        rows = [[escape(n)] + [f"{r.counters[group].get(n, 0):,.10g}" for r in having] for n in names]
        yield f"<h2>{escape(group)}</h2>" + table(["", *[r.engine for r in having]], rows)


def page(title, host, results, columns, cells):
    """`columns` and `cells(result)` are those of the terminal's table."""
    good = [(n, r) for n, r in enumerate(results) if r.ok]
    time_rows = [(r.engine, r.wall_s, color(n), f"{r.wall_s:.2f} s") for n, r in good]
    cpu_rows = [(r.engine, r.user_s + r.system_s, color(n), f"{r.user_s:.2f} s user, {r.system_s:.2f} s system") for n, r in good]
    memory_rows = [(r.engine, r.peak_kib, color(n), f"{r.peak_kib / 1024:.0f} MiB") for n, r in good]
    problems = "".join(f'<p class="bad">{escape(r.engine)}: {escape(r.problem)}</p>' for r in results if not r.ok)
    commands = "".join(f'<p><span class="dot" style="background:{color(n)}"></span>{escape(r.engine)}: <code>{escape(" ".join(r.command))}</code></p>'
                       for n, r in enumerate(results))
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(title)}</title><style>{STYLE}</style>
<h1>{escape(title)}</h1><p class="soft">{escape(host)}</p>
{table(columns, [[escape(c) for c in cells(r)] for r in results])}{problems}
<h2>Console output over time</h2><div class="card">{console_plot(results)}<p>{legend(results)}</p>
<p class="soft">Each dot is a step of the workload.</p></div>
<h2>Wall time</h2><div class="card">{bars(time_rows, "seconds")}</div>
<h2>CPU time of the emulator</h2><div class="card">{bars(cpu_rows, "seconds")}</div>
<h2>Peak resident memory</h2><div class="card">{bars(memory_rows, "memory")}</div>
{"".join(counter_sections(results))}
<h2>Commands</h2>{commands}</html>
"""
