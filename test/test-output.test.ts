import { describe, expect, test } from 'bun:test';
import { parseCounts, skippedTitles, sumCounts } from '../scripts/test-output.ts';

describe('parseCounts()', () => {
  test('reads the closing summary', () => {
    const output = '(pass) a\n\n 12 pass\n 2 skip\n 1 todo\n 3 fail\n 40 expect() calls\n';
    expect(parseCounts(output, 1)).toEqual({ passed: 12, failed: 3, skipped: 3 });
  });

  test('counts a file that does not load once', () => {
    expect(parseCounts(' 2 pass\n 1 fail\n 1 error\n', 1).failed).toBe(1);
    expect(parseCounts(' 0 pass\n 0 fail\n 2 errors\n', 1).failed).toBe(2);
  });

  test('turns a bad ending without a failure into one', () => {
    expect(parseCounts(' 5 pass\n 0 fail\n', 137)).toEqual({ passed: 5, failed: 1, skipped: 0 });
  });

  test('turns a run without any test into a failure', () => {
    expect(parseCounts('', 0).failed).toBe(1);
    expect(parseCounts(' 0 pass\n 0 fail\n', 0).failed).toBe(1);
  });

  test('does not take the words of a test for the summary', () => {
    const output = 'I expect 3 fail\n7 failures\n\n 1 pass\n 0 fail\n';
    expect(parseCounts(output, 0)).toEqual({ passed: 1, failed: 0, skipped: 0 });
  });
});

test('sumCounts() adds each kind by itself', () => {
  const one = { passed: 1, failed: 2, skipped: 3 };
  expect(sumCounts([one, one])).toEqual({ passed: 2, failed: 4, skipped: 6 });
  expect(sumCounts([])).toEqual({ passed: 0, failed: 0, skipped: 0 });
});

test('skippedTitles() lists skipped tests of a JUnit report, unescaped', () => {
  const xml = `<testsuites><testsuite name="a">
    <testcase name="runs" classname="" file="a.test.ts" line="1" />
    <testcase name="needs root &lt;&amp;&gt;" classname="d" file="a.test.ts" line="2">
      <skipped />
    </testcase>
    <testcase name="breaks" classname="" file="b.test.ts" line="3">
      <failure type="E" message="m">text</failure>
    </testcase>
  </testsuite></testsuites>`;
  expect(skippedTitles(xml)).toEqual(['a.test.ts: needs root <&>']);
});
