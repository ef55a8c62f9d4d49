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
const RIGHT = 24;
const TOP = 64;
const PANEL = 190;
const GAP = 46;
const BOTTOM = 40;
const TICKS = 8;
const INK = '#24292f';
const GRID = '#d8dee4';
const SHADE = '#eaeef2';
/** Keeps a name legible over lines. */
const HALO = 'paint-order="stroke" stroke="#ffffff" stroke-width="4"';

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
    text(LEFT, 42, chart.subtitle, 'fill="#57606a"'),
  ];
  let top = TOP;
  for (const panel of chart.panels) {
    drawPanel(out, chart, panel, top);
    top += PANEL + GAP;
  }
  out.push(text((LEFT + WIDTH - RIGHT) / 2, height - 6, chart.xTitle, 'text-anchor="middle"'));
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
    out.push(text(from + width / 2, top + 11, band.name, 'text-anchor="middle" font-size="9"'));
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
      `<path d="M${LEFT} ${n(at)}H${right}" stroke="#57606a" stroke-dasharray="5 4"/>`,
      text(right - 4, at - 4, mark.name, `text-anchor="end" fill="#57606a" font-size="11" ${HALO}`),
    );
  }
  for (const line of panel.lines) {
    let path = '';
    for (const [px, py] of line.points) path += `${path === '' ? 'M' : 'L'}${n(x(px))} ${n(y(py))}`;
    if (path === '') continue;
    out.push(`<path d="${path}" fill="none" stroke="${line.colour}" stroke-width="1.4"/>`);
  }
  out.push(`<path d="M${LEFT} ${top}V${bottom}H${right}" fill="none" stroke="${INK}"/>`);
  out.push(text(LEFT, top - 6, panel.title, 'font-weight="600"'));
  let legend = right;
  for (const line of panel.lines.toReversed()) {
    legend -= line.name.length * 6.6 + 4;
    out.push(text(legend, top - 6, line.name));
    legend -= 22;
    const at = top - 10;
    out.push(`<path d="M${n(legend)} ${at}h16" stroke="${line.colour}" stroke-width="3"/>`);
    legend -= 12;
  }
}

function largest(panel: Panel): number {
  let most = 0;
  for (const { y } of panel.marks ?? []) if (y > most) most = y;
  for (const { points } of panel.lines) for (const [, y] of points) if (y > most) most = y;
  return most === 0 ? 1 : most;
}

/** At most eight round numbers from 0 to `max`. */
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
