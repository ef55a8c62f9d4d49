/**
 * The exports map of a package against the files that it names.
 *
 * @module
 */

/** Entries of `exports`: sub-path to the file of each condition. */
export type ExportsMap = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The conditions of every entry in the order in which a resolver must see them. */
const CONDITIONS = ['bun', 'types', 'default'];

/** What is wrong: conditions missing or out of order, files that `exists` does not know. */
export function exportFaults(map: ExportsMap, exists: (path: string) => boolean): string[] {
  const faults: string[] = [];
  if (map['.'] === undefined) faults.push('exports: has no entry "."; add one');
  for (const [entry, targets] of Object.entries(map)) {
    const order = Object.keys(targets).join(', ');
    if (order !== CONDITIONS.join(', ')) {
      faults.push(`exports["${entry}"]: has ${order}; needs ${CONDITIONS.join(', ')} in order`);
    }
    for (const [condition, path] of Object.entries(targets)) {
      if (!exists(path)) faults.push(`exports["${entry}"].${condition}: ${path} does not exist`);
    }
  }
  return faults;
}
