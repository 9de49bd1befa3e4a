// A horizontal bar chart with a logarithmic axis, as SVG text.

const COLOURS = ['#4e79a7', '#e15759', '#76b7b2', '#f28e2b', '#59a14f', '#b07aa1'];
const BAR = 11;
const GAP = 10;
const LEFT = 150;
const RIGHT = 60;
const WIDTH = 900;
const TOP = 64;

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const text = (x, y, content, extra = '') => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${extra}>${escape(content)}</text>`;

/** Powers of ten with their doubles and fivefolds between two values. */
function ticks(low, high) {
  const all = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) for (const factor of [1, 2, 5]) all.push(factor * 10 ** power);
  return all.filter((value) => value >= low * 0.999 && value <= high * 1.001);
}

/** `rows`: [{ label, values: { series: number } }]; smaller is better. */
export function barChart({ title, axis, series, rows }) {
  const values = rows.flatMap((row) => Object.values(row.values)).filter((value) => value > 0);
  const low = Math.min(1, ...values) / 1.1;
  const high = Math.max(2, ...values) * 1.1;
  const x = (value) => LEFT + ((Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low))) * (WIDTH - LEFT - RIGHT);
  const rowHeight = series.length * BAR + GAP;
  const height = TOP + rows.length * rowHeight + 30;
  const parts = [`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11">`, `<rect width="${WIDTH}" height="${height}" fill="white"/>`, text(10, 18, title, 'font-size="14" font-weight="bold"'), text(10, 34, axis, 'fill="#555"')];
  series.forEach((name, i) => parts.push(`<rect x="${LEFT + i * 110}" y="42" width="10" height="10" fill="${COLOURS[i % COLOURS.length]}"/>`, text(LEFT + 14 + i * 110, 51, name)));
  for (const tick of ticks(low, high)) {
    parts.push(`<line x1="${x(tick).toFixed(1)}" x2="${x(tick).toFixed(1)}" y1="${TOP - 4}" y2="${height - 24}" stroke="${tick === 1 ? '#000' : '#ddd'}"/>`, text(x(tick), height - 10, String(Number(tick.toPrecision(3))), 'text-anchor="middle" fill="#555"'));
  }
  rows.forEach((row, r) => {
    const y = TOP + r * rowHeight;
    parts.push(text(LEFT - 8, y + (series.length * BAR) / 2 + 4, row.label, 'text-anchor="end"'));
    series.forEach((name, i) => {
      const value = row.values[name];
      if (!(value > 0)) return;
      const [from, to] = [Math.min(x(1), x(value)), Math.max(x(1), x(value))];
      parts.push(`<rect x="${from.toFixed(1)}" y="${y + i * BAR}" width="${(to - from).toFixed(1)}" height="${BAR - 1}" fill="${COLOURS[i % COLOURS.length]}"/>`, text(to + 3, y + i * BAR + 9, value.toPrecision(3), 'font-size="9"'));
    });
  });
  return `${parts.join('\n')}\n</svg>\n`;
}
