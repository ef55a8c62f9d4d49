/**
 * Numbers as people read them.
 *
 * @module
 */

/** 1234567 as `1,234,567`. Infinite and undefined values are a dash. */
export function formatCount(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const digits = String(Math.abs(Math.round(value)));
  const grouped = digits.replaceAll(/\B(?=(\d{3})+$)/g, ',');
  return value < 0 && grouped !== '0' ? `-${grouped}` : grouped;
}

const TIME_UNITS: readonly (readonly [number, string])[] = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
];

/** Nanoseconds with three significant digits and their unit: `812 ns`, `11.2 µs`, `1.50 s`. */
export function formatNs(ns: number): string {
  if (!Number.isFinite(ns)) return '-';
  for (const [size, unit] of TIME_UNITS) {
    // 999.96 µs would print as 1000 µs: it belongs to the next unit.
    if (ns >= size * 0.9995) return `${threeDigits(ns / size)} ${unit}`;
  }
  return `${Math.round(ns)} ns`;
}

const BYTE_UNITS: readonly (readonly [number, string])[] = [
  [2 ** 30, 'GiB'],
  [2 ** 20, 'MiB'],
  [2 ** 10, 'KiB'],
];

/** Bytes with three significant digits: `96.0 MiB`. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return '-';
  for (const [size, unit] of BYTE_UNITS) {
    if (Math.abs(bytes) >= size) return `${threeDigits(bytes / size)} ${unit}`;
  }
  return `${Math.round(bytes)} B`;
}

/** A duration of a run: `9.8 s`, `2 min 05 s`. */
export function formatElapsed(ns: number): string {
  const seconds = ns / 1e9;
  if (seconds < 99.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}

/** A share in per cent, with as many digits as the tail needs: `50.0 %`, `99.990 %`. */
export function formatShare(share: number): string {
  if (!Number.isFinite(share)) return '-';
  const percent = share * 100;
  const digits = percent > 99.9 && percent < 100 ? 3 : percent > 99 && percent < 100 ? 2 : 1;
  // Rounding must not claim a whole that it is not.
  const cut = Math.floor(percent * 10 ** digits) / 10 ** digits;
  return `${cut.toFixed(digits)} %`;
}

function threeDigits(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 99.95) return formatCount(value);
  return value.toFixed(magnitude >= 9.995 ? 1 : 2);
}
