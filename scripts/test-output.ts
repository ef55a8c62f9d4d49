/**
 * Reads what `bun test` says: counts from its closing summary, titles of skipped tests from JUnit.
 *
 * @module
 */

/** How many tests ended in which way. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The closing summary: one line per kind, a blank line or the words before it do not matter. */
const SUMMARY = /^ *(\d+) (pass|fail|skip|todo|error)s?$/gm;

/**
 * Counts of one `bun test` run. A file that does not load is an error and already one of the
 * failures; a run that ended badly without a failure of its own counts as one failed test, so that
 * no crash looks like a success. A test marked to do counts as skipped.
 */
export function parseCounts(output: string, status: number): Counts {
  const seen = { pass: 0, fail: 0, skip: 0, todo: 0, error: 0 };
  for (const [, count, kind] of output.matchAll(SUMMARY)) {
    seen[kind as keyof typeof seen] = Number(count);
  }
  const known = Math.max(seen.fail, seen.error);
  const nothingRan = known === 0 && seen.pass === 0 && seen.skip === 0 && seen.todo === 0;
  const failed = known === 0 && (status !== 0 || nothingRan) ? 1 : known;
  return { passed: seen.pass, failed, skipped: seen.skip + seen.todo };
}

/** Adds up. */
export function sumCounts(all: readonly Counts[]): Counts {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const counts of all) {
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  }
  return total;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&apos;': "'",
  '&amp;': '&',
};

function unescapeXml(text: string): string {
  return text.replaceAll(/&(?:lt|gt|quot|apos|amp);/g, (entity) => ENTITIES[entity] ?? entity);
}

/** `file: title` of every skipped test of a JUnit report. */
export function skippedTitles(xml: string): string[] {
  const titles: string[] = [];
  for (const [, attributes, body] of xml.matchAll(
    /<testcase ([^>]*[^/])>([\s\S]*?)<\/testcase>/g,
  )) {
    if (!body?.includes('<skipped')) continue;
    const name = /(?:^| )name="([^"]*)"/.exec(attributes ?? '')?.[1] ?? '';
    const file = /(?:^| )file="([^"]*)"/.exec(attributes ?? '')?.[1] ?? '';
    titles.push(`${unescapeXml(file)}: ${unescapeXml(name)}`);
  }
  return titles;
}
