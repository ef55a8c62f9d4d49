/**
 * Line charts as SVG text: panels under one another with one axis of time.
 *
 * @module
 */

/** A line: points `x, y` in the units of its panel. */
export interface Line {
  readonly name: string;
  readonly colour: string;
  readonly points: readonly (readonly [number, number])[];
}

/** A horizontal line with its name. */
export interface Mark {
  readonly name: string;
  readonly y: number;
}

/** Something that holds from one time to another; drawn as a shade. */
export interface Band {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** One panel. */
export interface Panel {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly marks?: readonly Mark[];
  readonly bands?: readonly Band[];
  /** Upper end of the axis; the largest value by default. */
  readonly yMax?: number;
  /** Logarithmic, from `yMin` on; linear from 0 otherwise. */
  readonly log?: boolean;
  readonly yMin?: number;
}

/** A chart. */
export interface Chart {
  readonly title: string;
  readonly subtitle: string;
  readonly xTitle: string;
  readonly xMax: number;
  readonly panels: readonly Panel[];
}

const WIDTH = 960;
const LEFT = 72;
/** Room for the names of the marks, beside the panel: there no line runs through them. */
const RIGHT = 156;
const TOP = 84;
const PANEL = 190;
const GAP = 46;
const BOTTOM = 40;
const TICKS = 10;
const INK = '#24292f';
const FAINT = '#57606a';
const GRID = '#eaeef2';
/** Width of a letter in the name of a band. */
const BAND_LETTER = 7;
const SHADE = '#eef1f4';
/** Half of what a screen can show, and more than rounding makes of a straight line. */
const TOLERANCE = 0.25;

/** The chart as a document of its own; the same input gives the same bytes. */
export function svgChart(chart: Chart): string {
  const count = chart.panels.length;
  const height = TOP + count * PANEL + (count - 1) * GAP + BOTTOM;
  const out: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" ` +
      `font-family="system-ui, sans-serif" font-size="12" fill="${INK}">`,
    `<title>${escapeText(chart.title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(LEFT, 24, chart.title, 'font-size="16" font-weight="600"'),
    text(LEFT, 43, chart.subtitle, `fill="${FAINT}"`),
  ];
  let top = TOP;
  let before = '';
  for (const panel of chart.panels) {
    drawPanel(out, chart, panel, top);
    const names = panel.lines.map(({ name }) => name).join('\n');
    // The same lines as above need no second legend.
    if (names !== before) drawLegend(out, panel, top);
    before = names;
    top += PANEL + GAP;
  }
  out.push(text((LEFT + WIDTH - RIGHT) / 2, height - 8, chart.xTitle, 'text-anchor="middle"'));
  out.push('</svg>');
  return `${out.join('\n')}\n`;
}

function drawPanel(out: string[], chart: Chart, panel: Panel, top: number): void {
  const bottom = top + PANEL;
  const right = WIDTH - RIGHT;
  const x = (value: number): number => LEFT + (value / chart.xMax) * (right - LEFT);
  const yMax = panel.yMax ?? largest(panel) * 1.05;
  const yMin = panel.yMin ?? 1;
  const share = (value: number): number =>
    panel.log === true
      ? Math.log(Math.max(value, yMin) / yMin) / Math.log(yMax / yMin)
      : value / yMax;
  const y = (value: number): number => bottom - Math.min(1, Math.max(0, share(value))) * PANEL;

  for (const band of panel.bands ?? []) {
    const from = x(band.from);
    const width = Math.max(1, x(band.to) - from);
    out.push(
      `<rect x="${n(from)}" y="${top}" width="${n(width)}" height="${PANEL}" fill="${SHADE}"/>`,
    );
    const middle = Math.min(from + width / 2, right - (band.name.length * BAND_LETTER) / 2);
    out.push(text(middle, top + 11, band.name, 'text-anchor="middle" font-size="9"'));
  }
  const ticks = panel.log === true ? decades(yMin, yMax) : steps(yMax);
  for (const tick of ticks) {
    const at = n(y(tick));
    out.push(`<path d="M${LEFT} ${at}H${right}" stroke="${GRID}"/>`);
    out.push(text(LEFT - 6, y(tick) + 4, String(tick), 'text-anchor="end"'));
  }
  for (const tick of steps(chart.xMax)) {
    out.push(`<path d="M${n(x(tick))} ${top}V${bottom}" stroke="${GRID}"/>`);
    out.push(text(x(tick), bottom + 15, String(tick), 'text-anchor="middle"'));
  }
  for (const mark of panel.marks ?? []) {
    const at = y(mark.y);
    out.push(
      `<path d="M${LEFT} ${n(at)}H${right}" stroke="${FAINT}" stroke-dasharray="5 4"/>`,
      text(right + 6, at + 4, mark.name, `fill="${FAINT}" font-size="11"`),
    );
  }
  for (const line of panel.lines) {
    if (line.points.length === 0) continue;
    const path = simplified(line.points.map(([px, py]) => [x(px), y(py)] as const))
      .map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${n(px)} ${n(py)}`)
      .join('');
    out.push(`<path d="${path}" fill="none" stroke="${line.colour}" stroke-width="1.4"/>`);
  }
  out.push(`<path d="M${LEFT} ${top}V${bottom}H${right}" fill="none" stroke="${INK}"/>`);
  out.push(text(LEFT, top - 8, panel.title, 'font-weight="600"'));
}

/** Names of the lines, above the right end of the panel. */
function drawLegend(out: string[], panel: Panel, top: number): void {
  let legend = WIDTH - RIGHT;
  for (const line of panel.lines.toReversed()) {
    legend -= line.name.length * 6.6 + 4;
    out.push(text(legend, top - 8, line.name));
    legend -= 22;
    const at = top - 12;
    out.push(`<path d="M${n(legend)} ${at}h16" stroke="${line.colour}" stroke-width="3"/>`);
    legend -= 12;
  }
}

type Point = readonly [number, number];

/**
 * Without the points that a straight line between others shows as well (Douglas and Peucker, 1973).
 */
function simplified(points: readonly Point[]): Point[] {
  const keep = new Set([0, points.length - 1]);
  const spans: Point[] = [[0, points.length - 1]];
  for (let span = spans.pop(); span !== undefined; span = spans.pop()) {
    const [first, last] = span;
    const [x0, y0] = points[first]!;
    const [x1, y1] = points[last]!;
    const slope = (y1 - y0) / (x1 - x0 || 1);
    let farthest = -1;
    let distance = TOLERANCE;
    for (let i = first + 1; i < last; i += 1) {
      const [x, y] = points[i]!;
      const off = Math.abs(y - y0 - slope * (x - x0));
      if (off <= distance) continue;
      distance = off;
      farthest = i;
    }
    if (farthest < 0) continue;
    keep.add(farthest);
    spans.push([first, farthest], [farthest, last]);
  }
  return points.filter((_, i) => keep.has(i));
}

function largest(panel: Panel): number {
  let most = 0;
  for (const { y } of panel.marks ?? []) if (y > most) most = y;
  for (const { points } of panel.lines) for (const [, y] of points) if (y > most) most = y;
  return most === 0 ? 1 : most;
}

/** At most ten round numbers, from 0 to `max`. */
function steps(max: number): number[] {
  const rough = max / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const digit = rough / power;
  const step = (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10) * power;
  const list: number[] = [];
  for (let i = 0; i * step <= max; i += 1) list.push(Number((i * step).toPrecision(6)));
  return list;
}

/** Powers of ten, and their halves, from `min` to `max`. */
function decades(min: number, max: number): number[] {
  const list: number[] = [];
  for (let power = 10 ** Math.ceil(Math.log10(min)); power <= max; power *= 10) list.push(power);
  return list;
}

function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function text(x: number, y: number, value: string, attributes = ''): string {
  const space = attributes === '' ? '' : ' ';
  return `<text x="${n(x)}" y="${n(y)}"${space}${attributes}>${escapeText(value)}</text>`;
}

function escapeText(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
